// Apisurface writes the exported API of the SDK's packages to api.txt, one name or signature per line. A change
// that breaks programs then shows in the diff of a review.
//
//	go run -C tools ./apisurface [-check]
//
// With -check it compares the API with api.txt and fails if they differ.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

// surfaces are the packages whose API programs use.
var surfaces = []string{".", "./datasetsync", "./mistralobstest"}

func main() {
	root := flag.String("root", "..", "root directory of the checkout")
	check := flag.Bool("check", false, "compare with api.txt instead of writing it")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "apisurface:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	lines, err := load(root, surfaces...)
	if err != nil {
		return err
	}
	path := filepath.Join(root, "api.txt")
	if !check {
		return os.WriteFile(path, []byte(strings.Join(lines, "\n")+"\n"), 0o644)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return compare(strings.FieldsFunc(string(old), func(r rune) bool { return r == '\n' || r == '\r' }), lines)
}

// load returns the API of the packages that the patterns name, sorted.
func load(root string, patterns ...string) (lines []string, err error) {
	config := &packages.Config{Dir: root, Mode: packages.NeedName | packages.NeedTypes | packages.NeedImports}
	found, err := packages.Load(config, patterns...)
	if err != nil {
		return nil, err
	}
	for _, pkg := range found {
		for _, err := range pkg.Errors {
			return nil, err
		}
		if pkg.Types == nil {
			return nil, fmt.Errorf("package %s has no types", pkg.PkgPath)
		}
		lines = append(lines, surface(pkg.Types)...)
	}
	slices.Sort(lines)
	return lines, nil
}

// compare returns an error that lists the lines of one side only.
func compare(old, current []string) error {
	var changes strings.Builder
	for _, line := range old {
		if !slices.Contains(current, line) {
			fmt.Fprintln(&changes, "-", line)
		}
	}
	for _, line := range current {
		if !slices.Contains(old, line) {
			fmt.Fprintln(&changes, "+", line)
		}
	}
	if changes.Len() == 0 {
		return nil
	}
	return errors.New("the exported API differs from api.txt:\n" + changes.String() +
		"If the change is intended, run `make api` and describe it in CHANGELOG.md.")
}
