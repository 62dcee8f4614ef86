package mistralobs

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// MaxUploadBytes is the largest file the service takes: 512 MB.
const MaxUploadBytes = 512 << 20

// FilePurpose says what an uploaded file is for. The list may grow.
type FilePurpose string

// The known purposes. The service's description of the Files API lists the
// first four; files to import datasets from are uploaded with PurposeEvaluation.
const (
	PurposeFineTune   FilePurpose = "fine-tune"
	PurposeBatch      FilePurpose = "batch"
	PurposeOCR        FilePurpose = "ocr"
	PurposeAudio      FilePurpose = "audio"
	PurposeEvaluation FilePurpose = "evaluation"
)

// FileVisibility says who can see an uploaded file.
type FileVisibility string

// The known visibilities; the service's default is the workspace.
const (
	VisibilityWorkspace FileVisibility = "workspace"
	VisibilityUser      FileVisibility = "user"
)

// File is an uploaded file.
type File struct {
	ID         string         `json:"id"`
	Object     string         `json:"object"` // "file"
	Bytes      *int64         `json:"bytes"`  // nil if the service does not say
	CreatedAt  UnixTime       `json:"created_at"`
	Filename   string         `json:"filename"`
	Purpose    FilePurpose    `json:"purpose"`
	SampleType string         `json:"sample_type"`
	NumLines   *int           `json:"num_lines"` // nil if the service does not say
	MIMEType   string         `json:"mimetype"`
	Source     string         `json:"source"` // "upload"
	Signature  string         `json:"signature"`
	ExpiresAt  *UnixTime      `json:"expires_at"` // nil if the service does not say
	Visibility FileVisibility `json:"visibility"`
	Deleted    bool           `json:"deleted"`
}

func (f *File) missing() string { return missingID(f.ID) }

// UnixTime is a time that JSON holds as seconds since 1970.
type UnixTime struct{ time.Time }

// MarshalJSON writes the seconds.
func (t UnixTime) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, t.Unix(), 10), nil
}

// UnmarshalJSON reads seconds, also with a fraction; null is the zero time.
func (t *UnixTime) UnmarshalJSON(raw []byte) error {
	if string(raw) == "null" {
		*t = UnixTime{}
		return nil
	}
	seconds, err := strconv.ParseFloat(string(raw), 64)
	if err != nil || seconds < -1e11 || seconds > 1e11 {
		return fmt.Errorf("%.40s is no number of seconds since 1970", raw)
	}
	whole := int64(seconds)
	*t = UnixTime{time.Unix(whole, int64((seconds-float64(whole))*1e9)).UTC()}
	return nil
}

// FilesService is reached as [Client].Files. It is the part of the Files API
// that imports need.
type FilesService struct{ client *Client }

// Get returns what is known of an uploaded file.
//
// API: GET /v1/files/{file_id}
//
// It returns an error matching [ErrNotFound] if there is none of that id.
func (s *FilesService) Get(ctx context.Context, id string, opts ...CallOption) (*File, error) {
	return fetch[File](ctx, s.client, request{name: "files.get", action: "get file", route: "GET /v1/files/{file_id}", ids: ids{id}}, opts)
}

// Delete removes an uploaded file.
//
// API: DELETE /v1/files/{file_id}
//
// It returns an error matching [ErrNotFound] if there is no such file, unless
// an earlier attempt of this call can have removed it.
func (s *FilesService) Delete(ctx context.Context, id string, opts ...CallOption) error {
	return exec(ctx, s.client, request{
		name: "files.delete", action: "delete file", route: "DELETE /v1/files/{file_id}", ids: ids{id},
	}, opts)
}
