package mistralobstest

import (
	"testing"

	mistralobs "github.com/mistralobs/mistralobs-go"
)

// Client returns an SDK client for the server, with the server's key and
// [Server.HTTPClient], then opts on top. A client that cannot be made ends the
// test; its idle connections are closed when the test ends.
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
