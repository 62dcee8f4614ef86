// Apisurface writes the exported names and signatures of the SDK's packages to
// api.txt, one a line, so that a change that breaks programs is seen in review.
//
//	go run -C tools ./apisurface [-check]
//
// With -check it compares instead, and fails with what differs.
package main

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

func main() {
	root := flag.String("root", "..", "root of the checkout")
	check := flag.Bool("check", false, "compare with api.txt instead of writing it")
	flag.Parse()
	if err := run(*root, *check); err != nil {
		fmt.Fprintln(os.Stderr, "apisurface:", err)
		os.Exit(1)
	}
}

func run(root string, check bool) error {
	var lines []string
	for _, folder := range []string{".", "mistralobstest"} {
		found, err := surface(filepath.Join(root, folder))
		if err != nil {
			return err
		}
		lines = append(lines, found...)
	}
	slices.Sort(lines)
	path := filepath.Join(root, "api.txt")
	text := strings.Join(lines, "\n") + "\n"
	if !check {
		return os.WriteFile(path, []byte(text), 0o644)
	}
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return compare(strings.Split(strings.TrimSuffix(strings.ReplaceAll(string(old), "\r\n", "\n"), "\n"), "\n"), lines)
}

func compare(old, now []string) error {
	var changes strings.Builder
	for _, line := range old {
		if !slices.Contains(now, line) {
			fmt.Fprintln(&changes, "-", line)
		}
	}
	for _, line := range now {
		if !slices.Contains(old, line) {
			fmt.Fprintln(&changes, "+", line)
		}
	}
	if changes.Len() == 0 {
		return nil
	}
	return fmt.Errorf("the exported API differs from api.txt:\n%sIf that is meant: go run -C tools ./apisurface, and say so in CHANGELOG.md", &changes)
}

// surface lists what a package exports.
func surface(folder string) (lines []string, err error) {
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		return nil, err
	}
	fset := token.NewFileSet()
	for _, path := range files {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(fset, path, nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		for _, decl := range file.Decls {
			for _, line := range exported(fset, decl) {
				lines = append(lines, "pkg "+file.Name.Name+", "+line)
			}
		}
	}
	return lines, nil
}

func exported(fset *token.FileSet, decl ast.Decl) (lines []string) {
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Name.IsExported() && (d.Recv == nil || ast.IsExported(receiver(d.Recv.List[0].Type))) {
			d.Body, d.Doc = nil, nil
			lines = append(lines, text(fset, d))
		}
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				lines = append(lines, types(fset, s)...)
			case *ast.ValueSpec:
				lines = append(lines, values(fset, d.Tok, s)...)
			}
		}
	}
	return lines
}

func receiver(expr ast.Expr) string {
	switch e := expr.(type) {
	case *ast.StarExpr:
		return receiver(e.X)
	case *ast.IndexExpr:
		return receiver(e.X)
	case *ast.Ident:
		return e.Name
	}
	return ""
}

// types lists a type, and the exported fields of a struct.
func types(fset *token.FileSet, s *ast.TypeSpec) (lines []string) {
	if !s.Name.IsExported() {
		return nil
	}
	name := "type " + s.Name.Name
	if s.TypeParams != nil {
		name += "[" + text(fset, s.TypeParams.List[0].Names[0]) + " " + text(fset, s.TypeParams.List[0].Type) + "]"
	}
	structure, ok := s.Type.(*ast.StructType)
	if !ok {
		return []string{name + " " + text(fset, s.Type)}
	}
	lines = append(lines, name+" struct")
	for _, field := range structure.Fields.List {
		tag := ""
		if field.Tag != nil {
			tag = " " + field.Tag.Value
		}
		if len(field.Names) == 0 { // embedded
			lines = append(lines, name+" struct, "+text(fset, field.Type)+tag)
		}
		for _, f := range field.Names {
			if f.IsExported() {
				lines = append(lines, name+" struct, "+f.Name+" "+text(fset, field.Type)+tag)
			}
		}
	}
	return lines
}

// values lists constants and variables. A constant's value is a part of the API.
func values(fset *token.FileSet, tok token.Token, s *ast.ValueSpec) (lines []string) {
	for i, name := range s.Names {
		if !name.IsExported() {
			continue
		}
		line := tok.String() + " " + name.Name
		if s.Type != nil {
			line += " " + text(fset, s.Type)
		}
		if tok == token.CONST && i < len(s.Values) {
			line += " = " + text(fset, s.Values[i])
		}
		lines = append(lines, line)
	}
	return lines
}

var spaces = regexp.MustCompile(`\s+`)

func text(fset *token.FileSet, node any) string {
	var buf bytes.Buffer
	if err := printer.Fprint(&buf, fset, node); err != nil {
		panic(err) // it was parsed
	}
	return spaces.ReplaceAllString(buf.String(), " ")
}
