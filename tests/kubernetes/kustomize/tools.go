//go:build tools

// The program kustomize as it is, which scripts/kube_apiserver.sh builds beside
// the API server.
package tools

import _ "sigs.k8s.io/kustomize/kustomize/v5"
