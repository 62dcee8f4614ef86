package mistralobs

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/mistralobs/mistralobs-go/internal/transport"
)

const (
	envAPIKey    = "MISTRAL_API_KEY"
	envTokenPath = "MISTRAL_SA_TOKEN_PATH"
)

// WithAPIKey sets the API key of every request to the service. White space around the key and a
// leading "Bearer " are dropped. [NewClient] returns [ErrNoAPIKey] if the key is empty.
//
// The default is the token in the file that MISTRAL_SA_TOKEN_PATH names (see [WithAPIKeyFile]), or
// else the key in MISTRAL_API_KEY.
func WithAPIKey(key string) Option {
	return clientOption(func(c *config) error {
		key, err := cleanKey(key)
		if err != nil {
			return err
		}
		c.setKey(func(context.Context) (string, error) { return key, nil })
		return nil
	})
}

// WithAPIKeySource sets a function that returns the API key. It is called for every attempt of
// every request, so that a key can be rotated while the program runs. It must be fast and safe for
// concurrent use. If it returns an error, nothing is sent and the call fails with that error,
// wrapped.
func WithAPIKeySource(source func(context.Context) (string, error)) Option {
	return clientOption(func(c *config) error {
		if source == nil {
			return invalid("WithAPIKeySource", "the function is nil")
		}
		c.setKey(func(ctx context.Context) (string, error) {
			key, err := source(ctx)
			if err != nil {
				return "", fmt.Errorf("calling the API key source: %w", err)
			}
			return cleanKey(key)
		})
		return nil
	})
}

// WithAPIKeyFile sets a file that holds the API key or the token of a service account. The file is
// read for every attempt of every request, since such tokens are replaced from outside. If it cannot
// be read or is blank, nothing is sent and the call fails with an error that matches [ErrNoAPIKey].
func WithAPIKeyFile(path string) Option {
	return clientOption(func(c *config) error {
		if path == "" {
			return invalid("WithAPIKeyFile", "the path is empty")
		}
		c.setKey(func(context.Context) (string, error) { return readKeyFile(path) })
		return nil
	})
}

func readKeyFile(path string) (string, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("%w: reading the key file: %w", ErrNoAPIKey, err)
	}
	if len(bytes.TrimSpace(content)) == 0 {
		return "", fmt.Errorf("%w: the key file %s is blank", ErrNoAPIKey, path)
	}
	return cleanKey(string(content))
}

// setKey also replaces the pacer, since the service limits the rate of each key's workspace.
func (c *config) setKey(key func(context.Context) (string, error)) {
	c.apiKey = key
	c.pacer = transport.NewPacer()
}

// keyFromEnvironment sets the key of a client that was not given one. A token file that cannot be
// used is not replaced by MISTRAL_API_KEY, which may belong to another account.
func (c *config) keyFromEnvironment() error {
	if path := os.Getenv(envTokenPath); path != "" {
		return WithAPIKeyFile(path).applyToClient(c)
	}
	return WithAPIKey(os.Getenv(envAPIKey)).applyToClient(c)
}

var errBlankKey = fmt.Errorf("mistralobs: %w", ErrNoAPIKey)

// cleanKey returns the key as a header can hold it. Its errors never show the key.
func cleanKey(key string) (string, error) {
	key = strings.TrimSpace(key)
	if scheme := "bearer "; len(key) > len(scheme) && strings.EqualFold(key[:len(scheme)], scheme) {
		key = strings.TrimSpace(key[len(scheme):])
	}
	if key == "" {
		return "", errBlankKey
	}
	for _, r := range key {
		if r > unicode.MaxASCII || unicode.IsControl(r) || r == ' ' {
			return "", invalid("API key", "it contains a space, a control character or a non-ASCII character; "+
				"was it copied whole and alone?")
		}
	}
	return key, nil
}
