// Emulator runs the in-memory server of the API on its own, with demo data, for
// clients in any language.
//
//	go run ./examples/emulator [-addr 127.0.0.1:8787]
//
// Its first line on standard output is a JSON object with what a client needs:
// url, api_key, and ids of the demo data. It runs until SIGINT or SIGTERM.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/mistralobs/mistralobs-go/mistralobstest"
)

func main() {
	addr := flag.String("addr", "127.0.0.1:8787", "address to listen on; port 0 is any free one")
	key := flag.String("api-key", mistralobstest.DefaultAPIKey, "API key to accept")
	tasks := flag.Duration("task-duration", 2*time.Second, "how long an import takes")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, *addr, *key, *tasks); err != nil {
		fmt.Fprintln(os.Stderr, "emulator:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, addr, key string, taskDuration time.Duration) error {
	server := mistralobstest.NewUnstartedServer(
		mistralobstest.WithAPIKey(key), mistralobstest.WithTaskDuration(taskDuration),
		mistralobstest.WithRequestLog(0), // it may run for long
	)
	defer server.Close()
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	if err := announce(server, reachable(listener.Addr().String())); err != nil {
		return err
	}
	return serve(ctx, &http.Server{Handler: server.Handler(), ReadHeaderTimeout: time.Minute}, listener)
}

// reachable is an address of this machine for one that stands for all of them.
func reachable(addr string) string {
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return addr
}

// announce seeds the demo data and prints what a client needs.
func announce(server *mistralobstest.Server, addr string) error {
	hello := struct {
		URL    string `json:"url"`
		APIKey string `json:"api_key"`
		mistralobstest.Demo
	}{"http://" + addr, server.APIKey, server.SeedDemo()}
	return json.NewEncoder(os.Stdout).Encode(hello)
}

// serve runs until the context ends, then lets what is under way finish for a moment.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := server.Shutdown(grace); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return server.Close()
}
