package datasetsync

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// digest identifies the meaning of a JSON value, or is a UUID.
type digest [16]byte

// MarshalText returns the digest in hexadecimal.
func (d digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads what MarshalText returns.
func (d *digest) UnmarshalText(text []byte) error { return decodeHex(d[:], text, "digest") }

// digestKey is the key of a plan's digests.
type digestKey jsonscan.Key

// MarshalText returns the key in hexadecimal.
func (k digestKey) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, k[:]), nil }

// UnmarshalText reads what MarshalText returns.
func (k *digestKey) UnmarshalText(text []byte) error { return decodeHex(k[:], text, "digest_key") }

func decodeHex(dst, text []byte, what string) error {
	if len(text) != hex.EncodedLen(len(dst)) {
		return fmt.Errorf("a %s has %d hexadecimal digits", what, hex.EncodedLen(len(dst)))
	}
	_, err := hex.Decode(dst, text)
	return err
}

// digester computes the digests of a plan. It is safe for concurrent use: a digest takes far less time than the request
// that it is for.
type digester struct {
	key    digestKey
	mu     sync.Mutex
	hasher *jsonscan.Hasher
}

// newDigester returns a digester with a random key, so that nobody can prepare records that have the same digest.
func newDigester() *digester {
	var key digestKey
	_, _ = rand.Read(key[:]) // it never fails
	return key.digester()
}

func (k digestKey) digester() *digester {
	return &digester{key: k, hasher: jsonscan.NewHasher(jsonscan.Key(k))}
}

// digest returns the digest of a value, which must be valid JSON.
func (d *digester) digest(raw []byte) digest {
	d.mu.Lock()
	defer d.mu.Unlock()
	return digest(d.hasher.Digest(raw))
}

func (d *digester) equal(a, b []byte) bool { return d.digest(a) == d.digest(b) }

// content identifies a payload and properties.
type content struct{ payload, properties digest }

// content returns the content of a record. Both must be JSON objects; absent properties count as {}.
func (d *digester) content(payload, properties mistralobs.Object) content {
	return content{d.digest(payload), d.digest(orEmpty(properties))}
}

// contentKey returns one digest of both parts.
func (d *digester) contentKey(c content) digest {
	return d.digest([]byte(`"` + hex.EncodeToString(c.payload[:]) + hex.EncodeToString(c.properties[:]) + `"`))
}

func orEmpty(properties mistralobs.Object) mistralobs.Object {
	if len(properties) == 0 {
		return mistralobs.Object("{}")
	}
	return properties
}

// isObject reports whether raw is one valid JSON object.
func isObject(raw []byte) bool { return startsObject(raw) && jsonscan.Valid(raw) }

// startsObject reports whether raw is an object. raw must be valid JSON or empty.
func startsObject(raw []byte) bool {
	s := jsonscan.New(raw)
	return s.Peek() == '{'
}

// recordKey is the value of the key property. It is the zero recordKey if the property is absent or null.
type recordKey struct {
	digest digest
	raw    []byte // as written
}

// keyOf returns a property as a key.
func (d *digester) keyOf(properties mistralobs.Object, name string) (key recordKey) {
	if name == "" {
		return key
	}
	s := jsonscan.New(properties)
	s.Members(func(m jsonscan.Member) bool {
		if string(m.Name) == name { // if a name is repeated, the last value counts
			key.raw = m.Value
		}
		return true
	})
	if key.raw == nil || key.raw[0] == 'n' {
		return recordKey{}
	}
	key.digest = d.digest(key.raw)
	return key
}

func (k recordKey) absent() bool { return k.raw == nil }

// text returns the key as readable text: a string without quotes, another value as JSON.
func (k recordKey) text() string {
	var decoded string
	if k.raw != nil && k.raw[0] == '"' && json.Unmarshal(k.raw, &decoded) == nil {
		return decoded
	}
	return string(bytes.TrimSpace(k.raw))
}
