package main

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/tools/go/packages"
)

const module = "github.com/mistralobs/mistralobs-go"

// checkImports returns the imports that break a wall of the module. Tests may import anything.
func checkImports(root string) (problems []string, err error) {
	config := &packages.Config{Dir: root, Mode: packages.NeedName | packages.NeedImports | packages.NeedDeps}
	found, err := packages.Load(config, "./...")
	if err != nil {
		return nil, err
	}
	for _, pkg := range found {
		for _, err := range pkg.Errors {
			return nil, err
		}
		switch path := strings.TrimPrefix(pkg.PkgPath, module+"/"); {
		case strings.HasPrefix(path, "internal/"):
			if dependsOnRoot(pkg) {
				problems = append(problems, fmt.Sprintf("%s depends on the root package", path))
			}
		case path == "datasetsync":
			for name := range pkg.Imports {
				if !mayImport(name) {
					problems = append(problems, fmt.Sprintf("%s imports %s", path, name))
				}
			}
		}
	}
	slices.Sort(problems)
	return problems, nil
}

func dependsOnRoot(pkg *packages.Package) bool {
	for path, imported := range pkg.Imports {
		if path == module || dependsOnRoot(imported) {
			return true
		}
	}
	return false
}

// mayImport reports whether datasetsync may import a package.
func mayImport(path string) bool {
	switch path {
	case module, module + "/internal/jsonscan":
		return true
	}
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".") || strings.HasPrefix(path, "golang.org/x/sync/")
}
