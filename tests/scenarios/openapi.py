"""An OpenAPI document as tests use it."""

import json
import re

import jsonschema


class Document:
    """The schemas of one document, by path, method and status."""

    def __init__(self, document):
        self.document = document

    def operations(self):
        """Every (path, method, operation)."""
        for path, methods in self.document["paths"].items():
            for method, operation in methods.items():
                yield path, method.upper(), operation

    def path_of(self, path):
        """The path as the document names it: "/requests/{id}"."""
        plain = path.split("?")[0]
        if plain in self.document["paths"]:
            return plain
        for known in self.document["paths"]:
            if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", known), plain):
                return known
        raise AssertionError(f"{plain} is not in the document")

    def operation(self, method, path):
        methods = self.document["paths"][self.path_of(path)]
        assert method.lower() in methods, f"{method} {path} is not described"
        return methods[method.lower()]

    def body_schema(self, method, path):
        """The schema of a request's body, or nothing."""
        body = self.operation(method, path).get("requestBody")
        return body and body["content"]["application/json"]["schema"]

    def check_body(self, method, path, body):
        self.check(body, self.body_schema(method, path))

    def accepts_body(self, method, path, body):
        try:
            self.check_body(method, path, body)
            return True
        except jsonschema.ValidationError:
            return False

    def check_answer(self, method, path, status, kind, text):
        """That the answer is one that the document describes; the value."""
        responses = self.operation(method, path)["responses"]
        assert str(status) in responses, (
            f"{method} {path}: {status} is not described: {text[:300]}")
        content = self.resolved(responses[str(status)])["content"]
        kind = kind.split(";")[0]
        assert kind in content, f"{method} {path}: {kind} is not described"
        value = json.loads(text) if kind == "application/json" else text
        self.check(value, content[kind]["schema"])
        return value

    def examples(self, method, path):
        """(name, value) of each example of a request's body."""
        body = self.operation(method, path).get("requestBody")
        if not body:
            return
        content = body["content"]["application/json"]
        if "example" in content:
            yield "example", content["example"]
        for name, example in content.get("examples", {}).items():
            yield name, example["value"]

    def resolved(self, value):
        """What a reference refers to."""
        while "$ref" in value:
            found = self.document
            for step in value["$ref"].removeprefix("#/").split("/"):
                found = found[step]
            value = found
        return value

    def check(self, value, schema):
        """References in a schema are those of the document."""
        whole = {"$schema": "https://json-schema.org/draft/2020-12/schema",
                 "components": self.document["components"], **schema}
        jsonschema.Draft202012Validator(whole).validate(value)

    def check_itself(self):
        """Every schema is one, and every example fits its schema."""
        for schema in self.document["components"]["schemas"].values():
            jsonschema.Draft202012Validator.check_schema(schema)
        for path, method, operation in self.operations():
            for _, value in self.examples(method, path):
                self.check_body(method, path, value)
            for response in operation["responses"].values():
                for content in self.resolved(response)["content"].values():
                    if "example" in content:
                        self.check(content["example"], content["schema"])
