// The API server of Kubernetes as it is, from its published modules: nothing of
// a cluster but what stores objects and tells of them. Built by
// scripts/kube_apiserver.sh.
package main

import (
	"os"

	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	command := app.NewAPIServerCommand()
	os.Exit(cli.Run(command))
}
