// Package e2e tests whole flows of the SDK against the in-memory server: without faults, with every
// kind of fault, and for a long time. It also tests each guarantee of the README.
package e2e
