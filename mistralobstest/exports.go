package mistralobstest

import (
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

func (s *Server) exportJSONL(r *http.Request) (answer, error) {
	return s.withDataset(r, func(d *store, ds *dataset) (answer, error) {
		now := s.options.now()
		maps.DeleteFunc(d.blobs, func(_ string, b *blob) bool { return now.After(b.expires) })
		name := sha256.Sum256(fmt.Appendf(nil, "%s %d", ds.id, ds.revision))
		path := exportsPath + "/" + ds.id + "/" + hex.EncodeToString(name[:16]) + ".jsonl"
		b := d.blobs[path]
		if b == nil {
			b = newBlob(ds, `"`+hex.EncodeToString(name[16:24])+`"`, now)
			d.blobs[path] = b
		}
		b.expires = now.Add(s.options.exportTTL)
		link := url.URL{Scheme: scheme(r), Host: r.Host, Path: prefix(r) + path,
			RawQuery: s.signer.query(path, b.expires)}
		return answer{http.StatusOK, new(object).set("file_url", link.String()).bytes()}, nil
	})
}

// scheme returns the scheme of the server's URLs.
func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}

// prefix returns the path below which the handler of the server stands, or "".
func prefix(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	prefix, _ := strings.CutSuffix(path, r.URL.EscapedPath())
	if prefix == path {
		return ""
	}
	return prefix
}

// downloadExport serves the URL of an export as an object storage does.
func (s *Server) downloadExport(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Ms-Request-Id", newRequestID())
	d, now, unlock := s.lock()
	b := d.blobs[r.URL.Path]
	unlock()
	switch {
	case r.Header.Get("Authorization") != "":
		storageError(w, http.StatusForbidden, "AuthenticationFailed",
			"A request for a signed URL must not have an Authorization header.")
	case !s.signer.valid(r.URL.Path, r.URL.Query(), now):
		storageError(w, http.StatusForbidden, "AuthenticationFailed",
			"The signature is not valid, or the URL has expired.")
	case b == nil:
		storageError(w, http.StatusNotFound, "BlobNotFound", "The specified blob does not exist.")
	default:
		w.Header().Set("Content-Type", "application/octet-stream")
		w.Header().Set("ETag", b.etag)
		http.ServeContent(w, r, "", b.created, &blobReader{blob: b})
	}
}

// storageError writes an error in the format of an object storage.
func storageError(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	const format = "\uFEFF<?xml version=\"1.0\" encoding=\"utf-8\"?>" +
		"<Error><Code>%s</Code><Message>%s</Message></Error>"
	_, _ = fmt.Fprintf(w, format, code, message)
}

// signer signs the queries of export URLs.
type signer struct{ key []byte }

func newSigner() signer {
	key := make([]byte, 32)
	_, _ = io.ReadFull(rand.Reader, key) // it never fails
	return signer{key}
}

func (s signer) query(path string, expires time.Time) string {
	end := expires.UTC().Format(time.RFC3339Nano)
	query := url.Values{"se": {end}, "sp": {"r"}, "sr": {"b"}, "sv": {"2025-01-05"}}
	query.Set("sig", s.sign(path, query))
	return query.Encode()
}

func (s signer) sign(path string, query url.Values) string {
	mac := hmac.New(sha256.New, s.key)
	signed := []string{path, query.Get("se"), query.Get("sp"), query.Get("sr"), query.Get("sv")}
	_, _ = io.WriteString(mac, strings.Join(signed, "\n"))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func (s signer) valid(path string, query url.Values, now time.Time) bool {
	expires, err := time.Parse(time.RFC3339Nano, query.Get("se"))
	return err == nil && now.Before(expires) && hmac.Equal([]byte(s.sign(path, query)), []byte(query.Get("sig")))
}
