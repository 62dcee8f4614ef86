package mistralobs

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	jsonv2 "github.com/go-json-experiment/json"
)

// MaxUploadBytes is the size of the largest file that the client uploads: 512 MiB. The service
// documents a limit of 512 MB.
const MaxUploadBytes = 512 << 20

// FilePurpose says what an uploaded file is for. The service may add purposes.
type FilePurpose string

// The known purposes. Use PurposeEvaluation for files to import into datasets, as Mistral's
// cookbook does. The documentation lists only the other four.
const (
	PurposeFineTune   FilePurpose = "fine-tune"
	PurposeBatch      FilePurpose = "batch"
	PurposeOCR        FilePurpose = "ocr"
	PurposeAudio      FilePurpose = "audio"
	PurposeEvaluation FilePurpose = "evaluation"
)

// FileVisibility says who can see an uploaded file.
type FileVisibility string

// The known visibilities. The service's default is VisibilityWorkspace.
const (
	VisibilityWorkspace FileVisibility = "workspace"
	VisibilityUser      FileVisibility = "user"
)

// File is an uploaded file. In JSON its times are UNIX seconds, or null.
type File struct {
	ID         string         `json:"id"`
	Object     string         `json:"object"`     // "file"
	Bytes      *int64         `json:"bytes"`      // size; nil if the service does not say
	CreatedAt  time.Time      `json:"created_at"` // in UTC; zero if the service does not say
	Filename   string         `json:"filename"`
	Purpose    FilePurpose    `json:"purpose"`
	SampleType string         `json:"sample_type"`
	NumLines   *int           `json:"num_lines"` // nil if the service does not say
	MIMEType   string         `json:"mimetype"`
	Source     string         `json:"source"` // "upload"
	Signature  string         `json:"signature"`
	ExpiresAt  time.Time      `json:"expires_at"` // in UTC; zero if the service does not say
	Visibility FileVisibility `json:"visibility"`
	Deleted    bool           `json:"deleted"`

	received `json:"-"`
}

// String returns the JSON that the value was decoded from, or that it is encoded as.
func (f File) String() string { return jsonText(f.raw, f) }

// plainFile is a File without its methods.
type plainFile File

// fileJSON is a File with its times as they are in JSON.
type fileJSON struct {
	plainFile
	CreatedAt unixTime `json:"created_at"`
	ExpiresAt unixTime `json:"expires_at"`
}

// MarshalJSON writes the file as the service does.
func (f File) MarshalJSON() ([]byte, error) {
	return json.Marshal(fileJSON{plainFile(f), unixTime(f.CreatedAt), unixTime(f.ExpiresAt)})
}

// UnmarshalJSON decodes a file. A field with an unexpected JSON type becomes zero, without an
// error.
func (f *File) UnmarshalJSON(raw []byte) error {
	*f = File{}
	return jsonv2.Unmarshal(raw, (*plainFile)(f), decoding)
}

// unixTime is a time that is written as seconds since 1970, or as null if it is zero.
type unixTime time.Time

func (t unixTime) MarshalJSON() ([]byte, error) {
	at := time.Time(t)
	if at.IsZero() {
		return []byte("null"), nil
	}
	if at.Nanosecond() == 0 {
		return strconv.AppendInt(nil, at.Unix(), 10), nil
	}
	seconds := float64(at.Unix()) + float64(at.Nanosecond())/1e9
	return strconv.AppendFloat(nil, seconds, 'f', -1, 64), nil
}

// FilesService works with uploaded files. It covers the part of the Files API that imports need.
// Use it as [Client].Files.
type FilesService struct{ client *Client }

// Get returns an uploaded file.
//
// API: GET /v1/files/{file_id}
//
// It returns an error that matches [ErrNotFound] if there is no such file.
func (s *FilesService) Get(ctx context.Context, fileID string, opts ...CallOption) (*File, error) {
	return fetch[File](ctx, s.client, request{
		name: "files.get", action: "get file", route: "GET /v1/files/{file_id}", ids: ids{fileID},
		required: hasID,
	}, opts)
}

// Delete deletes an uploaded file.
//
// API: DELETE /v1/files/{file_id}
//
// It returns an error that matches [ErrNotFound] if there is no such file. If a retry gets a 404
// and an earlier attempt may have deleted the file, it returns nil.
func (s *FilesService) Delete(ctx context.Context, fileID string, opts ...CallOption) error {
	return exec(ctx, s.client, request{
		name: "files.delete", action: "delete file", route: "DELETE /v1/files/{file_id}", ids: ids{fileID},
	}, opts)
}
