package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"unicode/utf8"
)

const (
	maxColumns       = 120
	maxFunctionLines = 40
	maxFileLines     = 400
)

// checkFile returns the violations in a file. Name is its path in the checkout.
func checkFile(name, text string) ([]string, error) {
	problems := checkWidths(name, text)
	if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
		return problems, nil
	}
	if lines := strings.Count(text, "\n"); lines > maxFileLines {
		problems = append(problems, fmt.Sprintf("%s: %d lines, at most %d", name, lines, maxFileLines))
	}
	found, err := checkFunctions(name, text)
	return append(problems, found...), err
}

// checkWidths counts characters, and a tab as one.
func checkWidths(name, text string) (problems []string) {
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimRight(line, "\r\n")
		table := strings.HasSuffix(name, ".md") && strings.HasPrefix(line, "|")
		if columns := utf8.RuneCountInString(line); columns > maxColumns && !table && !strings.Contains(line, "://") {
			problems = append(problems, fmt.Sprintf("%s:%d: %d columns, at most %d", name, number, columns, maxColumns))
		}
	}
	return problems
}

func checkFunctions(name, text string) (problems []string, err error) {
	fset := token.NewFileSet()
	file, err := parser.ParseFile(fset, name, text, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	for _, decl := range file.Decls {
		function, ok := decl.(*ast.FuncDecl)
		if !ok {
			continue
		}
		first, last := fset.Position(function.Pos()), fset.Position(function.End())
		if lines := last.Line - first.Line + 1; lines > maxFunctionLines {
			problems = append(problems, fmt.Sprintf("%s:%d: %s has %d lines, at most %d",
				name, first.Line, function.Name.Name, lines, maxFunctionLines))
		}
	}
	return problems, nil
}
