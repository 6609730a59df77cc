/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * Netlink messages of nf_tables, encoded by hand: what libmnl and libnftnl do for others.
 *
 * A message is a struct nlmsghdr, a struct nfgenmsg and attributes (u16 size, u16 kind, value,
 * padded to four bytes). What nf_tables writes in them is big endian, but for what an extension
 * or an expression has as its own layout (net/netfilter/nf_tables_api.c, nfnetlink.c).
 */
#ifndef PYIPTC_NFT_NETLINK_H
#define PYIPTC_NFT_NETLINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/netlink.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>

/* ---- writing ----------------------------------------------------------------------------------- */

/* Messages one after the other, in memory that grows. */
struct netlink_buffer {
	unsigned char *data;
	size_t size, capacity;
	size_t start; /* of the message that is being written */
	int error;    /* 0, -ENOMEM, or -E2BIG: an attribute of more than 64 KiB */
};

void netlink_buffer_free(struct netlink_buffer *buffer);
/* @kind: with its subsystem. @flags: NLM_F_*; NLM_F_REQUEST is added. */
void netlink_begin(struct netlink_buffer *buffer, unsigned int kind, unsigned int flags,
		   uint32_t sequence, unsigned int nfproto, uint16_t resource);
void netlink_end(struct netlink_buffer *buffer);
/* The frame of a batch. @generation: which it is made for; 0, whichever it is (nf_tables_valid_genid()). */
void netlink_begin_batch(struct netlink_buffer *buffer, uint32_t generation);
void netlink_end_batch(struct netlink_buffer *buffer, uint32_t sequence);
void netlink_put(struct netlink_buffer *buffer, unsigned int kind, const void *value, size_t size);
void netlink_put_string(struct netlink_buffer *buffer, unsigned int kind, const char *text);
/* Big endian. */
void netlink_put_be32(struct netlink_buffer *buffer, unsigned int kind, uint32_t value);
void netlink_put_be64(struct netlink_buffer *buffer, unsigned int kind, uint64_t value);
/* Return: what netlink_nest_end() wants. */
size_t netlink_nest_begin(struct netlink_buffer *buffer, unsigned int kind);
void netlink_nest_end(struct netlink_buffer *buffer, size_t nest);
/* Room for @size bytes as they are, padded to four; NULL where buffer->error is set. */
unsigned char *netlink_reserve(struct netlink_buffer *buffer, size_t size);

/* ---- reading ----------------------------------------------------------------------------------- */

/* A value inside of a message that was received; data is NULL where there is none. */
struct netlink_value {
	const unsigned char *data;
	size_t size;
};

/**
 * Sort attributes by kind. @values: out, @count of them; of kinds beyond that nothing is told,
 * nor of what is cut short.
 */
void netlink_parse(const void *attributes, size_t size, struct netlink_value *values,
		   unsigned int count);
void netlink_parse_message(const struct nlmsghdr *message, struct netlink_value *values,
			   unsigned int count);
/* Big endian; 0 where there is none or it is shorter. */
uint32_t netlink_get_be32(struct netlink_value value);
uint64_t netlink_get_be64(struct netlink_value value);
/* A string with its NUL inside of the message, or NULL. */
const char *netlink_get_string(struct netlink_value value);

/* ---- talking to the kernel --------------------------------------------------------------------- */

struct netlink_socket {
	int fd;
	uint32_t sequence;
	unsigned char *data; /* what is received */
	size_t capacity;
};

/* What the kernel had to say against a message. */
struct netlink_refusal {
	int number;        /* a positive errno */
	uint32_t sequence; /* of the message */
	char text[128];    /* the kernel's own words, or "" */
	bool is_unknown; /* the answer could not be read: all of the batch may be in, or nothing */
};

/**
 * A socket, close-on-exec, of the network namespace that the calling thread is in. Close it with
 * netlink_socket_close(). -EOPNOTSUPP: no nf_tables in this kernel; -EMFILE, -ENOMEM.
 */
int netlink_socket_open(struct netlink_socket *netlink);
void netlink_socket_close(struct netlink_socket *netlink);

/* Called with each message. Return: 0, or a negative errno, which ends it. */
typedef int netlink_take_fn(void *context, const struct nlmsghdr *message);

/**
 * Send one request, whose sequence number is netlink->sequence, and take what comes back, until
 * the end of a dump or the only reply. -EINTR: a dump that was torn by a change; begin it again.
 */
int netlink_request(struct netlink_socket *netlink, const struct netlink_buffer *request,
		    netlink_take_fn *take, void *context);
/* Number of the last change of nf_tables in this namespace. */
int netlink_generation(struct netlink_socket *netlink, uint32_t *generation);
/**
 * Wait until the commit that made @generation is over. The kernel counts it first, and makes it seen
 * one object after the other then, while whoever lists them finds old and new, or nothing of either
 * (nf_tables_commit(), nf_tables_dump_rules()). A batch without a message has to wait for it as every
 * other has (nf_tables_valid_genid()), and changes nothing. Return: 0, -EAGAIN: others have changed
 * something since, or a negative errno.
 */
int netlink_settle(struct netlink_socket *netlink, uint32_t generation);
/**
 * Send a batch, and take what the kernel echoes. All or nothing. Where an echo was lost for want
 * of room, *is_complete is false. Return: 0 or a negative errno with @refusal filled in; nothing
 * is in then, but where refusal->is_unknown says so.
 */
int netlink_send_batch(struct netlink_socket *netlink, const struct netlink_buffer *batch,
		       netlink_take_fn *take, void *context, bool *is_complete,
		       struct netlink_refusal *refusal);

#endif
