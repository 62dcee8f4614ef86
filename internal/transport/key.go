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
var ErrNoKey = errors.New("no API key: set MISTRAL_API_KEY or use WithAPIKey")

// ErrInvalidKey means that a header cannot hold the API key. The text does not show the key.
var ErrInvalidKey = errors.New("it contains a space, a control character or a non-ASCII character; " +
	"was it copied whole and alone?")

// ReadKey returns the API key in a file.
func ReadKey(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w: reading the key file: %w", ErrNoKey, err)
	}
	if len(bytes.TrimSpace(content)) == 0 {
		return "", fmt.Errorf("%w: the key file %s is blank", ErrNoKey, path)
	}
	return CleanKey(string(content))
}

// CleanKey returns the key without white space around it and without a leading "Bearer ".
func CleanKey(key string) (string, error) {
	key = strings.TrimSpace(key)
	if scheme := "bearer "; len(key) > len(scheme) && strings.EqualFold(key[:len(scheme)], scheme) {
		key = strings.TrimSpace(key[len(scheme):])
	}
	if key == "" {
		return "", ErrNoKey
	}
	for _, r := range key {
		if r > unicode.MaxASCII || unicode.IsControl(r) || r == ' ' {
			return "", ErrInvalidKey
		}
	}
	return key, nil
}
