// SPDX-License-Identifier: Apache-2.0
//
// Pieces of a page. Whatever comes from a process is escaped here. Pages have
// all they need inside, and no scripts. Errors stick in the buffer.
#ifndef CPROF_COLLECTOR_HTML_H
#define CPROF_COLLECTOR_HTML_H

#include "collector/buf.h"

#include <stdint.h>

// What HTML_HEAD allows a page: its own style, and nothing else.
#define HTML_POLICY                                       \
	"default-src 'none'; style-src 'unsafe-inline'; " \
	"frame-ancestors 'none'; base-uri 'none'; form-action 'none'"

void html_begin(struct buf *b, const char *title);
void html_end(struct buf *b);
// TEXT, for between tags or in an attribute.
void html_text(struct buf *b, const char *text);
// TEXT as a part of a URL.
void html_url(struct buf *b, const char *text);
// "3d 4h", "4h 5m", "5m 6s", "6s".
void html_duration(struct buf *b, uint64_t ns);

#endif
