// SPDX-License-Identifier: Apache-2.0
//
// One style for all pages; colours follow the system's light or dark.
#include "collector/html.h"

#include <inttypes.h>
#include <string.h>

static const char style[] =
	":root{color-scheme:light dark;--line:#8884;--dim:#888;--link:#0a63c9}"
	"@media(prefers-color-scheme:dark){:root{--link:#6cb2ff}}"
	"body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;"
	"max-width:75rem;padding:0 1rem}"
	"h1{font-size:1.3rem;margin:0 0 1rem}h2{font-size:1rem;margin:1.5rem 0 "
	".3rem}"
	"a{color:var(--link);text-decoration:none}a:hover{text-decoration:"
	"underline}"
	"table{border-collapse:collapse}"
	"th,thead td{font-weight:600;text-align:left;color:var(--dim)}"
	"th,td{padding:.3rem .9rem .3rem 0;border-bottom:1px solid var(--line);"
	"vertical-align:top}"
	".n{text-align:right;font-variant-numeric:tabular-nums;"
	"white-space:nowrap}"
	".dim{color:var(--dim)}.bad{color:#d33}"
	"code,pre{font:13px/1.5 ui-monospace,monospace}"
	"pre{background:#8881;padding:.6rem "
	".8rem;border-radius:6px;overflow:auto}"
	".cmd{max-width:26rem;overflow:hidden;text-overflow:ellipsis;"
	"white-space:nowrap}";

void html_begin(struct buf *b, const char *title)
{
	buf_puts(b, "<!DOCTYPE html>\n<html lang=en><meta charset=utf-8>\n"
		    "<meta name=viewport content='width=device-width'>\n"
		    "<title>");
	html_text(b, title);
	buf_printf(b, "</title>\n<style>%s</style>\n<body>\n", style);
}

void html_end(struct buf *b)
{
	buf_puts(b, "</body>\n</html>");
}

void html_text(struct buf *b, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '<':
			buf_puts(b, "&lt;");
			break;
		case '&':
			buf_puts(b, "&amp;");
			break;
		case '"':
			buf_puts(b, "&quot;");
			break;
		case '\'':
			buf_puts(b, "&#39;");
			break;
		default:
			buf_put(b, text, 1);
		}
}

void html_url(struct buf *b, const char *text)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";

	for (; *text; text++)
		if (strchr(plain, *text))
			buf_put(b, text, 1);
		else
			buf_printf(b, "%%%02X", (unsigned char)*text);
}

void html_duration(struct buf *b, uint64_t ns)
{
	uint64_t s = ns / 1000000000u;

	if (s >= 86400)
		buf_printf(b, "%" PRIu64 "d %" PRIu64 "h", s / 86400,
			   s % 86400 / 3600);
	else if (s >= 3600)
		buf_printf(b, "%" PRIu64 "h %" PRIu64 "m", s / 3600,
			   s % 3600 / 60);
	else if (s >= 60)
		buf_printf(b, "%" PRIu64 "m %" PRIu64 "s", s / 60, s % 60);
	else
		buf_printf(b, "%" PRIu64 "s", s);
}
