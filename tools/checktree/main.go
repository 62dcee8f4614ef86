// Checktree checks the rules of the source tree that the compiler does not know. It prints each violation and fails
// if there is one.
//
//   - No line of Go or Markdown is over 120 columns, except for tables of Markdown and lines with a URL.
//   - No function is over 40 lines and no source file over 400, except for tests.
//   - The packages of internal/ do not import the root package, and datasetsync imports only the root package,
//     internal/jsonscan, the standard library and golang.org/x/sync.
//
// Run it in the root of a checkout:
//
//	go run -C tools ./checktree
package main

import (
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	root := flag.String("root", "..", "root directory of the checkout")
	flag.Parse()
	problems, err := check(*root)
	if err != nil {
		fmt.Fprintln(os.Stderr, "checktree:", err)
		os.Exit(1)
	}
	for _, problem := range problems {
		fmt.Println(problem)
	}
	if len(problems) > 0 {
		os.Exit(1)
	}
}

// check returns the violations in a checkout.
func check(root string) (problems []string, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "testdata" || entry.Name() == ".git"):
			return filepath.SkipDir
		case !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".md"):
			return nil
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		found, err := checkFile(filepath.ToSlash(name), string(text))
		problems = append(problems, found...)
		return err
	})
	if err != nil {
		return nil, err
	}
	found, err := checkImports(root)
	return append(problems, found...), err
}
