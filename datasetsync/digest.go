package datasetsync

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"

	"github.com/mistralobs/mistralobs-go"
	"github.com/mistralobs/mistralobs-go/internal/jsonscan"
)

// digest identifies the meaning of a JSON value: half of a SHA-256. Two of n values share a digest by chance with a
// probability of about n²/2¹²⁹, which for a billion values is 10⁻²¹. To make a collision on purpose takes 2⁶⁴ attempts.
// It has no secret key, because a plan is compared in another process than the one that made it.
type digest [16]byte

func digestOf(raw []byte) digest {
	sum := jsonscan.DigestOf(raw)
	return digest(sum[:])
}

// MarshalText returns the digest in hexadecimal digits.
func (d digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads what MarshalText returns.
func (d *digest) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(d)) {
		return errors.New("a digest has 32 hexadecimal digits")
	}
	_, err := hex.Decode(d[:], text)
	return err
}

// content holds the digests of a payload and properties.
type content struct{ payload, properties digest }

// contentOf returns the content of a record. The arguments must be JSON objects; empty properties count as {}.
func contentOf(payload, properties mistralobs.Object) content {
	return content{digestOf(payload), digestOf(orEmpty(properties))}
}

// key returns one digest of payload and properties.
func (c content) key() digest {
	return digestOf([]byte(`"` + hex.EncodeToString(c.payload[:]) + hex.EncodeToString(c.properties[:]) + `"`))
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
func keyOf(properties mistralobs.Object, name string) (key recordKey) {
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
	key.digest = digestOf(key.raw)
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
