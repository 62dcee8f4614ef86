package query

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

type tokenKind int

const (
	end tokenKind = iota
	word
	number
	text
	symbol
)

// token is a piece of an expression. The text of a string is unquoted.
type token struct {
	kind tokenKind
	text string
	pos  int // in characters, from 1
}

func (t token) String() string {
	switch t.kind {
	case end:
		return "the end"
	case text:
		return "a string"
	}
	return fmt.Sprintf("%q", t.text)
}

func (t token) errorf(format string, args ...any) error {
	return &SyntaxError{Pos: t.pos, Message: fmt.Sprintf(format, args...)}
}

// is reports whether the token is a keyword, in any case, or a symbol.
func (t token) is(name string) bool {
	return t.kind == word && strings.EqualFold(t.text, name) || t.kind == symbol && t.text == name
}

// lex splits an expression into tokens. The last token is of kind end.
func lex(expression string) ([]token, error) {
	var tokens []token
	l := &lexer{rest: expression, pos: 1}
	for {
		t, err := l.next()
		if err != nil {
			return nil, err
		}
		tokens = append(tokens, t)
		if t.kind == end {
			return tokens, nil
		}
	}
}

type lexer struct {
	rest string
	pos  int // of rest
}

// accept removes the first n bytes of the rest and returns them as a token.
func (l *lexer) accept(kind tokenKind, n int) token {
	t := token{kind: kind, text: l.rest[:n], pos: l.pos}
	l.pos += utf8.RuneCountInString(t.text)
	l.rest = l.rest[n:]
	return t
}

func (l *lexer) next() (token, error) {
	l.accept(symbol, len(l.rest)-len(strings.TrimLeftFunc(l.rest, unicode.IsSpace)))
	if l.rest == "" {
		return token{kind: end, pos: l.pos}, nil
	}
	switch c := l.rest[0]; {
	case c == '\'':
		return l.quoted()
	case isLetter(c):
		return l.accept(word, span(l.rest, isWordPart)), nil
	case isDigit(c) || (c == '-' || c == '.') && len(l.rest) > 1 && (isDigit(l.rest[1]) || l.rest[1] == '.'):
		return l.accept(number, numberLength(l.rest)), nil
	}
	for _, s := range []string{"!=", "<=", ">=", "=", "<", ">", "(", ")", "[", "]", ","} {
		if strings.HasPrefix(l.rest, s) {
			return l.accept(symbol, len(s)), nil
		}
	}
	r, _ := utf8.DecodeRuneInString(l.rest)
	return token{}, &SyntaxError{Pos: l.pos, Message: fmt.Sprintf("unexpected character %q", r)}
}

// quoted returns the string at the start of the rest.
func (l *lexer) quoted() (token, error) {
	for i := 1; i < len(l.rest); i++ {
		switch {
		case l.rest[i] != '\'':
		case strings.HasPrefix(l.rest[i:], "''"):
			i++
		default:
			t := l.accept(text, i+1)
			t.text = strings.ReplaceAll(t.text[1:i], "''", "'")
			return t, nil
		}
	}
	return token{}, &SyntaxError{Pos: l.pos, Message: "the string has no closing quote"}
}

// numberLength returns the length of the number at the start of s. It also accepts malformed
// numbers; the parser rejects them.
func numberLength(s string) int {
	n := 1 + span(s[1:], isWordPart)
	if strings.ContainsAny(s[n-1:n], "eE") && n < len(s) && (s[n] == '-' || s[n] == '+') {
		n += 1 + span(s[n+1:], isWordPart)
	}
	return n
}

func span(s string, in func(byte) bool) int {
	for i := range len(s) {
		if !in(s[i]) {
			return i
		}
	}
	return len(s)
}

func isLetter(c byte) bool   { return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool    { return c >= '0' && c <= '9' }
func isWordPart(c byte) bool { return isLetter(c) || isDigit(c) || c == '.' }
