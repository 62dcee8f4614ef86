package mistralobstest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/mistralobs/mistralobs-go/internal/stream"
)

// MaxUploadBytes is the size of the largest file that the server accepts: 512 MiB. The service
// documents 512 MB.
const MaxUploadBytes = 512 << 20

// defaultExpiry is how long the service keeps an upload that sets no expiry.
const defaultExpiry = 30 * 24 * time.Hour

// maxExpiryHours is the longest time that the service keeps an upload: ten years.
const maxExpiryHours = 10 * 365 * 24

// file is an uploaded file. Its content is on disk, because it may be large.
type file struct {
	id, name, purpose, visibility, signature string
	content                                  *stream.TempFile
	size                                     int64
	lines                                    int
	created, expires                         time.Time
}

func (s *Server) uploadFile(r *http.Request) (answer, error) {
	f, err := s.receive(r)
	if err == nil {
		err = s.sleep(r.Context(), s.tunedNow().latency)
	}
	if err != nil {
		f.close()
		return answer{}, err
	}
	d, _, unlock := s.lock()
	defer unlock()
	if d.files == nil { // the server was closed during the upload
		f.close()
		return answer{}, errClosed
	}
	d.files[f.id] = f
	return answer{http.StatusOK, f.object().bytes()}, nil
}

// receive reads a multipart upload as it arrives. It returns the file even with an error, so that
// the caller can remove it from disk.
func (s *Server) receive(r *http.Request) (*file, error) {
	now := s.options.now()
	f := &file{
		id: newID(), purpose: "fine-tune", visibility: "workspace",
		created: now, expires: now.Add(defaultExpiry),
	}
	form, err := r.MultipartReader()
	if err != nil {
		return f, invalidFile("the body is not multipart/form-data")
	}
	for {
		part, err := form.NextPart()
		if err == io.EOF {
			break
		}
		if err == nil {
			err = f.addPart(r, part)
		}
		if err != nil {
			var known *failure
			if errors.As(err, &known) || r.Context().Err() != nil {
				return f, err
			}
			return f, invalidFile("the body broke off or is malformed")
		}
	}
	if f.content == nil {
		missing := complaint{Type: "missing", Loc: []any{"body", "file"}, Msg: "Field required"}
		return f, validationError(r, missing)
	}
	return f, nil
}

func invalidFile(message string) *failure {
	return platformError(http.StatusBadRequest, "invalid_request_file", "3000", message)
}

// addPart reads one part of the form.
func (f *file) addPart(r *http.Request, part *multipart.Part) error {
	if part.FormName() == "file" {
		return f.store(part)
	}
	raw, err := io.ReadAll(io.LimitReader(part, 1<<10))
	value := string(raw)
	if err != nil || value == "" || value == "null" {
		return err
	}
	switch part.FormName() {
	case "purpose":
		f.purpose = value
	case "visibility":
		f.visibility = value
		if value != "workspace" && value != "user" {
			return validationError(r, complaint{
				Type: "enum", Loc: []any{"body", "visibility"},
				Msg: "Input should be 'workspace' or 'user'", Input: value,
			})
		}
	case "expiry":
		hours, err := strconv.Atoi(value)
		if err != nil || hours < 1 || hours > maxExpiryHours {
			return validationError(r, complaint{
				Type: "int_parsing", Loc: []any{"body", "expiry"}, Msg: "Input should be an integer from 1 to 87600",
				Input: value,
			})
		}
		f.expires = f.created.Add(time.Duration(hours) * time.Hour)
	}
	return nil
}

// store copies the content to disk and counts its lines.
func (f *file) store(part *multipart.Part) error {
	if part.FileName() == "" {
		return invalidFile("the file has no name")
	}
	temp, err := stream.NewTempFile("mistralobstest-*")
	if err != nil {
		message := "the upload cannot be stored"
		return platformError(http.StatusInternalServerError, "internal_server_error", "3000", message)
	}
	f.close() // if the form has two files, the last one is used
	f.name, f.content = filepath.Base(part.FileName()), temp
	hash := sha256.New()
	counter := &lineCounter{}
	f.size, err = io.Copy(io.MultiWriter(temp, hash, counter), io.LimitReader(part, MaxUploadBytes+1))
	if err != nil {
		return err
	}
	if f.size > MaxUploadBytes {
		message := "the file is larger than 512 MiB"
		return platformError(http.StatusRequestEntityTooLarge, "invalid_request_file", "3000", message)
	}
	f.lines, f.signature = counter.lines(), hex.EncodeToString(hash.Sum(nil)[:8])
	return nil
}

// close removes the content. It must not be in use.
func (f *file) close() {
	if f.content != nil {
		f.content.Close()
	}
}

// lineCounter counts lines. The last line may lack its line break.
type lineCounter struct {
	ends int
	open bool
}

func (c *lineCounter) Write(p []byte) (int, error) {
	for _, b := range p {
		if c.open = b != '\n'; !c.open {
			c.ends++
		}
	}
	return len(p), nil
}

func (c *lineCounter) lines() int {
	if c.open {
		return c.ends + 1
	}
	return c.ends
}

func (s *Server) getFile(r *http.Request) (answer, error) {
	return s.withFile(r, func(_ *store, f *file) (answer, error) {
		return answer{http.StatusOK, f.object().set("deleted", false).bytes()}, nil
	})
}

func (s *Server) deleteFile(r *http.Request) (answer, error) {
	return s.withFile(r, func(d *store, f *file) (answer, error) {
		delete(d.files, f.id)
		f.close()
		body := new(object).set("id", f.id).set("object", "file").set("deleted", true).bytes()
		return answer{http.StatusOK, body}, nil
	})
}

// withFile calls run with the file that the path names, under the lock. The response to a request
// for an expired file is 404.
func (s *Server) withFile(r *http.Request, run func(*store, *file) (answer, error)) (answer, error) {
	c := check(r)
	id := c.pathID("file_id")
	if err := c.failed(); err != nil {
		return answer{}, err
	}
	d, now, unlock := s.lock()
	defer unlock()
	f := d.files[strings.ToLower(id)]
	if f == nil || now.After(f.expires) {
		message := fmt.Sprintf("No file matches the given id %s", id)
		return answer{}, platformError(http.StatusNotFound, "invalid_request_file", "3000", message)
	}
	return run(d, f)
}

func (f *file) object() *object {
	return new(object).set("id", f.id).set("object", "file").set("bytes", f.size).
		set("created_at", f.created.Unix()).set("filename", f.name).set("purpose", f.purpose).
		set("sample_type", "instruct").set("num_lines", f.lines).
		set("mimetype", "application/jsonl").set("source", "upload").set("signature", f.signature).
		set("expires_at", f.expires.Unix()).set("visibility", f.visibility)
}
