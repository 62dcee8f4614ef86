package transport

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"
	"unicode"
)

// ErrNoKey means that there is no API key.
var ErrNoKey = errors.New("no API key")

// ErrInvalidKey means that a header cannot hold the API key. The text does not show the key.
var ErrInvalidKey = errors.New("it contains a space, a control character or a non-ASCII character; " +
	"was it copied whole and alone?")

// Key is an API key.
type Key struct{ text string }

// Text returns the key itself.
func (k Key) Text() string { return k.text }

// errNotRegular refuses a key file that is a pipe or a device. Reading one can block beyond the end
// of the context. A pipe such as that of <(command) can be read only once, but each attempt reads
// the file.
var errNotRegular = errors.New("it is not a regular file")

// ReadKey returns the API key in a file, which may be a symbolic link.
func ReadKey(path string) (Key, error) {
	content, err := readRegular(path)
	if err != nil {
		return Key{}, fmt.Errorf("%w: reading the key file: %w", ErrNoKey, err)
	}
	if len(bytes.TrimSpace(content)) == 0 {
		return Key{}, fmt.Errorf("%w: the key file %s is blank", ErrNoKey, path)
	}
	return ParseKey(string(content))
}

func readRegular(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s: %w", path, errNotRegular)
	}
	return os.ReadFile(path)
}

// ParseKey returns the key in a text, without white space around it and without a leading
// "Bearer".
func ParseKey(text string) (Key, error) {
	text = strings.TrimSpace(text)
	if scheme := "bearer"; len(text) >= len(scheme) && strings.EqualFold(text[:len(scheme)], scheme) {
		if rest := text[len(scheme):]; rest == "" || unicode.IsSpace(rune(rest[0])) {
			text = strings.TrimSpace(rest)
		}
	}
	if text == "" {
		return Key{}, ErrNoKey
	}
	for _, r := range text {
		if r > unicode.MaxASCII || unicode.IsControl(r) || r == ' ' {
			return Key{}, ErrInvalidKey
		}
	}
	return Key{text}, nil
}
