// SPDX-License-Identifier: Apache-2.0
//
// Who may ask over TCP. The Unix socket has let in its own user only; TCP has
// everybody of this machine, or of the network, and every page that a browser
// of theirs has open. So:
//	a token, where there is one, as Basic password (or name alone), as
//	Bearer, or as ?token=, compared in constant time;
//	without token and TLS (where the certificate says who this is) only a
//	Host that is an address or localhost: another name may have been made to
//	mean this machine a moment ago (DNS rebinding);
//	nothing that changes a process or writes a file, without a token;
//	nothing that another site's page asks for, but for following a link.
#ifndef CPROF_COLLECTOR_HTTP_ACCESS_H
#define CPROF_COLLECTOR_HTTP_ACCESS_H

struct http_request;

struct http_access {
	const char *token; // NULL: none is wanted
	char *cert;	   // PEM; NULL: no TLS
	char *key;
};

// Reads the files of certificate and key into A. 0 or negative errno, with
// *ret_file the one that can't be read.
int http_access_load(struct http_access *a, const char *cert_file,
		     const char *key_file, const char **ret_file);
void http_access_fini(struct http_access *a);

// 0: R may go on; else the status it gets, and r->error says why.
unsigned http_access_check(const struct http_access *a, struct http_request *r);

#endif
