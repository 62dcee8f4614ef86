package mistralobstest

import (
	"bytes"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const exportsPath = "/exports"

// A blob is an exported file. What is in it never changes: other content is
// another blob. It is kept as long as a link to it works.
type blob struct {
	dataset          *dataset
	content          []byte
	etag             string
	created, expires time.Time
}

func (s *Server) exportJSONL(r *http.Request) (answer, error) {
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		now := s.options.now()
		var content []byte
		for _, rec := range ds.records {
			content = writeLine(content, rec)
		}
		sum := sha256.Sum256(content)
		path := exportsPath + "/" + ds.id + "/" + hex.EncodeToString(sum[:16]) + ".jsonl"
		maps.DeleteFunc(d.blobs, func(_ string, b *blob) bool { return now.After(b.expires) })
		if d.blobs[path] == nil {
			d.blobs[path] = &blob{dataset: ds, content: content, etag: `"` + hex.EncodeToString(sum[16:24]) + `"`, created: now}
		}
		expires := now.Add(s.options.exportTTL)
		d.blobs[path].expires = expires
		link := url.URL{Scheme: "http", Host: r.Host, Path: path, RawQuery: s.signer.query(path, expires)}
		return answer{http.StatusOK, new(object).set("file_url", link.String()).bytes()}, nil
	})
}

// downloadExport is the storage behind the links: another service than the API.
func (s *Server) downloadExport(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Ms-Request-Id", newRequestID())
	d, now, unlock := s.lock()
	b := d.blobs[r.URL.Path]
	unlock()
	switch {
	case r.Header.Get("Authorization") != "":
		storageError(w, http.StatusForbidden, "AuthenticationFailed", "A signed link takes no Authorization header.")
	case !s.signer.valid(r.URL.Path, r.URL.Query(), now):
		storageError(w, http.StatusForbidden, "AuthenticationFailed", "The signature is not valid, or the link has expired.")
	case b == nil:
		storageError(w, http.StatusNotFound, "BlobNotFound", "The specified blob does not exist.")
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("ETag", b.etag)
		http.ServeContent(w, r, "", b.created, bytes.NewReader(b.content))
	}
}

// storageError answers in the shape of an object storage.
func storageError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "\uFEFF<?xml version=\"1.0\" encoding=\"utf-8\"?><Error><Code>%s</Code><Message>%s</Message></Error>", code, message)
}

// A signer makes links that work for some time.
type signer struct{ key []byte }

func newSigner() signer {
	key := make([]byte, 32)
	_, _ = io.ReadFull(rand.Reader, key) // never fails
	return signer{key}
}

func (s signer) query(path string, expires time.Time) string {
	query := url.Values{"se": {expires.UTC().Format(time.RFC3339Nano)}, "sp": {"r"}, "sr": {"b"}, "sv": {"2025-01-05"}}
	query.Set("sig", s.sign(path, query))
	return query.Encode()
}

func (s signer) sign(path string, query url.Values) string {
	mac := hmac.New(sha256.New, s.key)
	_, _ = io.WriteString(mac, strings.Join([]string{path, query.Get("se"), query.Get("sp"), query.Get("sr"), query.Get("sv")}, "\n"))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (s signer) valid(path string, query url.Values, now time.Time) bool {
	expires, err := time.Parse(time.RFC3339Nano, query.Get("se"))
	return err == nil && now.Before(expires) && hmac.Equal([]byte(s.sign(path, query)), []byte(query.Get("sig")))
}
