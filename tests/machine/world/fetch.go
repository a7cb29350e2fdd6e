// SPDX-License-Identifier: LGPL-2.1-or-later

// fetch CERT URL: a static program that asks for names with its own resolver and speaks TLS with its own library.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
)

func fetch(cert, url string) error {
	pem, err := os.ReadFile(cert)
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	answer, err := client.Get(url)
	if err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, answer.Body)
	return err
}

func main() {
	if err := fetch(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
