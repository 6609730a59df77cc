/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "guard.h"
#include "interpose.h"

struct capture {
	FILE *stream;
	FILE *saved;
	char *data;
	size_t size;
};

jmp_buf guard_env;

static struct capture out, err;
static pthread_t owner;
static volatile int active;
static char *message;
static int out_of_memory;

int guard_open(void)
{
	out.stream = open_memstream(&out.data, &out.size);
	err.stream = open_memstream(&err.data, &err.size);
	return out.stream != NULL && err.stream != NULL ? 0 : -ENOMEM;
}

int guard_is_active(void)
{
	return active && pthread_equal(owner, pthread_self());
}

void guard_enter(struct pyiptc_reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	free(message);
	message = NULL;
	out_of_memory = 0;
	rewind(out.stream);
	rewind(err.stream);
	out.saved = stdout;
	err.saved = stderr;
	stdout = out.stream;
	stderr = err.stream;
	owner = pthread_self();
	active = 1;
}

/* The stream's size is its position after a flush (glibc and musl): text of an earlier, longer
 * call stays behind it, so a NUL is put there. */
static const char *capture_end(struct capture *capture, size_t *size)
{
	fputc('\0', capture->stream);
	if (fflush(capture->stream) != 0 || capture->data == NULL || capture->size == 0) {
		*size = 0;
		return "";
	}
	*size = capture->size - 1;
	return capture->data;
}

int guard_end(struct pyiptc_reply *reply)
{
	active = 0;
	stdout = out.saved;
	stderr = err.saved;
	reply->text = capture_end(&out, &reply->text_size);
	reply->warnings = capture_end(&err, &reply->warnings_size);
	reply->error = message;
	if (reply->alias == NULL)
		reply->alias = "";
	if (message == NULL)
		return out_of_memory ? -ENOMEM : 0;
	return out_of_memory ? -ENOMEM : -EPROTO;
}

int guard_try(void (*function)(void *), void *argument)
{
	jmp_buf outer;
	volatile int rc = 0;

	memcpy(&outer, &guard_env, sizeof(outer));
	if (_setjmp(guard_env) == 0) {
		function(argument);
	} else {
		free(message);
		message = NULL;
		rc = -EPROTO;
	}
	memcpy(&guard_env, &outer, sizeof(outer));
	return rc;
}

void guard_vfail(const char *format, va_list args)
{
	if (vasprintf(&message, format, args) < 0) {
		message = NULL;
		out_of_memory = 1;
	}
	longjmp(guard_env, 1);
}

void guard_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	guard_vfail(format, args);
}
