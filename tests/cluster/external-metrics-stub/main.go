// Command external-metrics-stub serves one external metric to the cluster's API server, with a value that the test sets.
//
//	external-metrics-stub certificate HOST FOLDER    writes a self-signed tls.crt and tls.key for HOST
//	external-metrics-stub serve FOLDER               serves with them; FOLDER/client-ca.crt says whose clients are let in
//
// Port 8443 is the API, for clients with a certificate only; port 8080 takes the value as the body of PUT /value.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"math/big"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

const (
	group  = "external.metrics.k8s.io"
	metric = "ping_test_backlog"
)

type object = map[string]any

func main() {
	var err error
	switch {
	case len(os.Args) == 4 && os.Args[1] == "certificate":
		err = writeCertificate(os.Args[2], os.Args[3])
	case len(os.Args) == 3 && os.Args[1] == "serve":
		err = serve(os.Args[2])
	default:
		err = fmt.Errorf("usage: %s certificate HOST FOLDER | serve FOLDER", os.Args[0])
	}
	if err != nil {
		log.Fatal(err)
	}
}

func writeCertificate(host, folder string) error {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: host},
		DNSNames:     []string{host},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		// The API server is given this certificate as the authority to trust.
		IsCA: true, BasicConstraintsValid: true,
	}
	certificate, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	if err := writePEM(filepath.Join(folder, "tls.crt"), "CERTIFICATE", certificate); err != nil {
		return err
	}
	return writePEM(filepath.Join(folder, "tls.key"), "PRIVATE KEY", private)
}

func writePEM(path, kind string, bytes []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: bytes}), 0o600)
}

func serve(folder string) error {
	authorities, err := os.ReadFile(filepath.Join(folder, "client-ca.crt"))
	if err != nil {
		return err
	}
	clients := x509.NewCertPool()
	if !clients.AppendCertsFromPEM(authorities) {
		return fmt.Errorf("no certificate in client-ca.crt")
	}
	var value atomic.Int64
	ended := make(chan error, 2)
	go func() { ended <- http.ListenAndServe(":8080", control(&value)) }()
	api := &http.Server{
		Addr:    ":8443",
		Handler: metricsAPI(&value),
		TLSConfig: &tls.Config{
			MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: clients,
		},
	}
	go func() {
		ended <- api.ListenAndServeTLS(filepath.Join(folder, "tls.crt"), filepath.Join(folder, "tls.key"))
	}()
	return <-ended
}

func control(value *atomic.Int64) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /ready", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	mux.HandleFunc("PUT /value", func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(io.LimitReader(r.Body, 32))
		n, err := strconv.ParseInt(strings.TrimSpace(string(body)), 10, 64)
		if err != nil {
			http.Error(w, "the body must be a number", http.StatusBadRequest)
			return
		}
		value.Store(n)
	})
	return mux
}

// metricsAPI answers what the API server's discovery and the autoscaler ask for, and 404 to all else.
func metricsAPI(value *atomic.Int64) http.Handler {
	version := group + "/v1beta1"
	mux := http.NewServeMux()
	mux.HandleFunc("GET /apis/"+version, func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, object{"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": []object{
			{"name": metric, "singularName": "", "namespaced": true, "kind": "ExternalMetricValueList", "verbs": []string{"get"}},
		}})
	})
	mux.HandleFunc("GET /apis/"+group, func(w http.ResponseWriter, _ *http.Request) {
		preferred := object{"groupVersion": version, "version": "v1beta1"}
		answer(w, http.StatusOK, object{"kind": "APIGroup", "apiVersion": "v1", "name": group, "versions": []object{preferred}, "preferredVersion": preferred})
	})
	mux.HandleFunc("GET /apis/"+version+"/namespaces/{namespace}/"+metric, func(w http.ResponseWriter, _ *http.Request) {
		item := object{"metricName": metric, "metricLabels": object{}, "timestamp": time.Now().UTC().Format(time.RFC3339), "value": strconv.FormatInt(value.Load(), 10)}
		answer(w, http.StatusOK, object{"kind": "ExternalMetricValueList", "apiVersion": version, "metadata": object{}, "items": []object{item}})
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusNotFound, object{"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": http.StatusNotFound})
	})
	return mux
}

func answer(w http.ResponseWriter, code int, body object) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	if err := json.NewEncoder(w).Encode(body); err != nil {
		log.Print("answer not written: ", err)
	}
}
