/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * The guard round every call into libxtables: the only setjmp, longjmp and capture of output.
 *
 *	if (guard_begin(reply) == 0)
 *		reply_from_library();        // may end in exit_err(), exit() or abort()
 *	return guard_end(reply);
 */
#ifndef PYIPTC_GUARD_H
#define PYIPTC_GUARD_H

#include <setjmp.h>
#include <stdarg.h>

#include "inner.h"

/* setjmp() must be called in a frame that stays alive, hence a macro. */
#define guard_begin(reply) (guard_enter(reply), _setjmp(guard_env))

extern jmp_buf guard_env;

void guard_enter(struct pyiptc_reply *reply);
/* Return: 0, or -EPROTO or -ENOMEM where the call was cut short. */
int guard_end(struct pyiptc_reply *reply);
/* Call a function inside of a guarded call. Return: 0, or -EPROTO where it did not return; its
 * message is dropped. */
int guard_try(void (*function)(void *), void *argument);
/* True in the thread that is inside a guarded call. */
int guard_is_active(void);
/* Leave the guarded call; @format is the message. */
_Noreturn void guard_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
_Noreturn void guard_vfail(const char *format, va_list args);
/* Make the streams that take the library's output. Return: 0 or -ENOMEM. */
int guard_open(void);

#endif
