// Package plans holds desired states of a Docker host ("policies"): the YAML
// files that ship with bulwark, their Go types, the strict loader and the JSON
// Schema. schema.json is the one description of the format: the loader walks
// it, editors use it, and tests hold the Go types to it.
//
// The package is pure: it reads files only through the function that the
// caller passes to Load.
package plans
