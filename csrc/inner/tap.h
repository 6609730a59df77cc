/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * What libiptc and the kernel say to each other passes through here: this half stands first in
 * the scope of its namespace, so the three socket calls of libiptc are the ones of tap.c.
 *
 * That is what makes libiptc usable here. It
 *  - opens a socket in the namespace of the calling thread: it gets a copy of ours instead;
 *  - keeps the counters of no policy and of no end of a chain, and starts a rule that moved at
 *    what it had when it was read: they are put right in what it sends;
 *  - tells a failure alike before and after the kernel took the rules: here they are two things;
 *  - could send another table than the one that was asked for: then it is not sent.
 */
#ifndef PYIPTC_TAP_H
#define PYIPTC_TAP_H

#include "entry_layout.h"
#include "inner.h"

struct tap {
	int is_on; /* libiptc is at work; else the calls go through */
	int fd;    /* ours */
	const struct entry_layout *layout;
	unsigned int tries;
	struct ipt_getinfo info;
	const struct ipt_get_entries *entries; /* libiptc's memory, until iptc_free(); or NULL */
	const struct pyiptc_edit *edit;        /* being committed, or NULL */
	const uint32_t *kernel_index;          /* of an entry as it was read */
	const struct xt_counters *old;         /* libiptc's memory, during iptc_commit() */
	struct xt_counters_info *sent;         /* room for all entries of the new table */
	int is_refused;                        /* libiptc would have sent another table */
	int is_replaced;                       /* the kernel has the new rules */
};

/* One caller at a time: the instance's mutex is held. */
extern struct tap tap;

#endif
