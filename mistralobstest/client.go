package mistralobstest

import (
	"testing"

	mistralobs "github.com/mistralobs/mistralobs-go"
)

// Client returns an SDK client for the server. It uses the server's URL and
// key and [Server.HTTPClient]; opts are applied after these. It fails the test
// if the client cannot be created, and closes the client's idle connections
// when the test ends.
func (s *Server) Client(t testing.TB, opts ...mistralobs.Option) *mistralobs.Client {
	t.Helper()
	httpClient := s.HTTPClient()
	t.Cleanup(httpClient.CloseIdleConnections)
	defaults := []mistralobs.Option{
		mistralobs.WithBaseURL(s.URL),
		mistralobs.WithAPIKey(s.APIKey),
		mistralobs.WithHTTPClient(httpClient),
	}
	client, err := mistralobs.NewClient(append(defaults, opts...)...)
	if err != nil {
		t.Fatalf("mistralobstest: %v", err)
	}
	return client
}
