// Vetsystems runs the analyzers of go vet on the root module as other systems compile it.
//
//	go run -C tools ./vetsystems darwin windows linux/386
//
// GOOS=darwin go vet does the same, but compiles the standard library for that system first, which takes longer than
// all other checks together. Vetsystems reads the types from the source code instead.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/tools/go/analysis/checker"
	"golang.org/x/tools/go/analysis/suite/vet"
	"golang.org/x/tools/go/packages"
)

func main() {
	root := flag.String("root", "..", "root directory of the checkout")
	flag.Parse()
	for _, system := range flag.Args() {
		if err := check(*root, system); err != nil {
			fmt.Fprintf(os.Stderr, "vetsystems: %s: %v\n", system, err)
			os.Exit(1)
		}
	}
}

// check analyzes the code for a system, such as darwin, or linux/386.
func check(root, system string) error {
	system, arch, found := strings.Cut(system, "/")
	if !found {
		arch = runtime.GOARCH
	}
	config := &packages.Config{
		Dir:   root,
		Env:   append(os.Environ(), "GOOS="+system, "GOARCH="+arch, "CGO_ENABLED=0"),
		Mode:  packages.LoadAllSyntax | packages.NeedModule,
		Tests: true,
	}
	pkgs, err := packages.Load(config, "./...")
	if err != nil {
		return err
	}
	if packages.PrintErrors(pkgs) > 0 {
		return errors.New("the code does not compile")
	}
	graph, err := checker.Analyze(vet.Suite, pkgs, nil)
	if err != nil {
		return err
	}
	if err := graph.PrintText(os.Stderr, 0); err != nil {
		return err
	}
	for _, action := range graph.Roots {
		if action.Err != nil {
			return action.Err
		}
		if len(action.Diagnostics) > 0 {
			return errors.New("go vet has findings")
		}
	}
	return nil
}
