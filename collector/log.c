// SPDX-License-Identifier: Apache-2.0
//
// One write() a line, so that lines of several threads (or of two collectors
// that were started at once) never mix and no lock is needed.
#include "collector/log.h"

#include "collector/paths.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_MAX_BYTES  (1 << 20)
#define LOG_LINE_BYTES 1024

static unsigned log_level = LOG_ERROR;
static int log_fd = STDERR_FILENO;
static bool log_is_file;

void log_set_level(unsigned level)
{
	log_level = level;
}

// Two threads may both find the file too long; emptying it twice does no harm.
static void bound_file(void)
{
	struct stat st;

	if (!fstat(log_fd, &st) && st.st_size > LOG_MAX_BYTES &&
	    ftruncate(log_fd, 0))
		log_level = LOG_OFF; // it can't be kept bounded: say no more
}

int log_open(const char *path)
{
	int fd = paths_open_own(path, O_WRONLY | O_APPEND);

	if (fd < 0)
		return fd;
	log_fd = fd;
	log_is_file = true;
	bound_file();
	return 0;
}

void log_keep(void)
{
	if (log_is_file && dup2(log_fd, STDERR_FILENO) == STDERR_FILENO)
		log_fd = STDERR_FILENO;
}

static size_t put_time(char *line, size_t n_bytes)
{
	struct timespec now;
	struct tm tm;
	size_t n;

	clock_gettime(CLOCK_REALTIME, &now);
	localtime_r(&now.tv_sec, &tm);
	n = strftime(line, n_bytes, "%F %T", &tm);
	n += (size_t)snprintf(line + n, n_bytes - n, ".%03ld [%d] ",
			      now.tv_nsec / 1000000, (int)getpid());
	return n;
}

void log_line(unsigned level, const char *format, ...)
{
	char line[LOG_LINE_BYTES];
	size_t n = 0;
	va_list args;
	int n_text;

	if (level > log_level)
		return;
	if (log_is_file)
		n = put_time(line, sizeof(line));
	else
		n = (size_t)snprintf(line, sizeof(line), "cprofd: ");
	va_start(args, format);
	n_text = vsnprintf(line + n, sizeof(line) - n - 1, format, args);
	va_end(args);
	if (n_text > 0)
		n += strlen(line + n);
	line[n++] = '\n';
	// A log that can't be written is not a reason to stop serving.
	if (write(log_fd, line, n) < 0)
		return;
	if (log_is_file)
		bound_file();
}
