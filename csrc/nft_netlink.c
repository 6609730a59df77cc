/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/netfilter/nf_tables_compat.h>

#include "nft_netlink.h"
#include "pyiptc.h"

#define ALIGN(size) (((size) + 3u) & ~(size_t)3)
#define MESSAGE     sizeof(struct nlmsghdr)
#define HEADER      (MESSAGE + sizeof(struct nfgenmsg))
#define ATTRIBUTE   sizeof(struct nlattr)
/* A dump comes in pieces of at most 32 KiB (netlink_dump()). */
#define RECEIVED 65536
/* Seconds in which the kernel answers: it does so while it is asked. */
#define PATIENCE 60
/* Of an echo the kernel keeps until we read it; a rule's is some 600 bytes. */
#define ECHO_ROOM (256u << 20)
/* Answers of a batch that find no room: the kernel tells of it once, until there is room again. */
#define LOST_MAX 100

/* Bytes of a batch that has room wherever it comes from and goes to. */
#define SMALL 2048

#ifndef NETLINK_EXT_ACK
#define NETLINK_EXT_ACK 11
#endif

/* ---- writing ----------------------------------------------------------------------------------- */

void netlink_buffer_free(struct netlink_buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(*buffer));
}

unsigned char *netlink_reserve(struct netlink_buffer *buffer, size_t size)
{
	size_t padded = ALIGN(size), wanted = buffer->size + padded;
	unsigned char *at;

	if (buffer->error != 0)
		return NULL;
	if (wanted > buffer->capacity) {
		size_t capacity = wanted + wanted / 2 + 512;
		unsigned char *data = realloc(buffer->data, capacity);

		if (data == NULL) {
			buffer->error = -ENOMEM;
			return NULL;
		}
		buffer->data = data;
		buffer->capacity = capacity;
	}
	at = buffer->data + buffer->size;
	memset(at + size, 0, padded - size);
	buffer->size = wanted;
	return at;
}

void netlink_begin(struct netlink_buffer *buffer, unsigned int kind, unsigned int flags,
		   uint32_t sequence, unsigned int nfproto, uint16_t resource)
{
	struct nlmsghdr header = { .nlmsg_type = (uint16_t)kind,
				   .nlmsg_flags = (uint16_t)(flags | NLM_F_REQUEST),
				   .nlmsg_seq = sequence };
	struct nfgenmsg generic = { .nfgen_family = (uint8_t)nfproto,
				    .version = NFNETLINK_V0,
				    .res_id = htons(resource) };
	unsigned char *at;

	buffer->start = buffer->size;
	at = netlink_reserve(buffer, HEADER);
	if (at == NULL)
		return;
	memcpy(at, &header, sizeof(header));
	memcpy(at + MESSAGE, &generic, sizeof(generic));
}

void netlink_end(struct netlink_buffer *buffer)
{
	uint32_t size = (uint32_t)(buffer->size - buffer->start);

	if (buffer->error == 0)
		memcpy(buffer->data + buffer->start, &size, sizeof(size));
}

static void put_head(struct netlink_buffer *buffer, unsigned char *at, unsigned int kind,
		     size_t size)
{
	struct nlattr head = { .nla_len = (uint16_t)size, .nla_type = (uint16_t)kind };

	if (size > UINT16_MAX)
		buffer->error = -E2BIG;
	else
		memcpy(at, &head, sizeof(head));
}

void netlink_put(struct netlink_buffer *buffer, unsigned int kind, const void *value, size_t size)
{
	unsigned char *at = netlink_reserve(buffer, ATTRIBUTE + size);

	if (at == NULL)
		return;
	put_head(buffer, at, kind, ATTRIBUTE + size);
	memcpy(at + ATTRIBUTE, value, size);
}

void netlink_put_string(struct netlink_buffer *buffer, unsigned int kind, const char *text)
{
	netlink_put(buffer, kind, text, strlen(text) + 1);
}

void netlink_put_be32(struct netlink_buffer *buffer, unsigned int kind, uint32_t value)
{
	value = htonl(value);
	netlink_put(buffer, kind, &value, sizeof(value));
}

void netlink_put_be64(struct netlink_buffer *buffer, unsigned int kind, uint64_t value)
{
	value = htobe64(value);
	netlink_put(buffer, kind, &value, sizeof(value));
}

size_t netlink_nest_begin(struct netlink_buffer *buffer, unsigned int kind)
{
	size_t nest = buffer->size;
	unsigned char *at = netlink_reserve(buffer, ATTRIBUTE);

	if (at != NULL)
		put_head(buffer, at, kind | (unsigned int)NLA_F_NESTED, ATTRIBUTE);
	return nest;
}

void netlink_nest_end(struct netlink_buffer *buffer, size_t nest)
{
	size_t size = buffer->size - nest;
	uint16_t narrow = (uint16_t)size;

	if (buffer->error != 0)
		return;
	if (size > UINT16_MAX)
		buffer->error = -E2BIG;
	else
		memcpy(buffer->data + nest, &narrow, sizeof(narrow));
}

void netlink_begin_batch(struct netlink_buffer *buffer, uint32_t generation)
{
	netlink_begin(buffer, NFNL_MSG_BATCH_BEGIN, 0, 0, 0, NFNL_SUBSYS_NFTABLES);
	netlink_put_be32(buffer, NFNL_BATCH_GENID, generation);
	netlink_end(buffer);
}

void netlink_end_batch(struct netlink_buffer *buffer, uint32_t sequence)
{
	netlink_begin(buffer, NFNL_MSG_BATCH_END, 0, sequence, 0, NFNL_SUBSYS_NFTABLES);
	netlink_end(buffer);
}

/* ---- reading ----------------------------------------------------------------------------------- */

void netlink_parse(const void *attributes, size_t size, struct netlink_value *values,
		   unsigned int count)
{
	const unsigned char *at = attributes;

	memset(values, 0, count * sizeof(*values));
	while (size >= ATTRIBUTE) {
		struct nlattr head;
		size_t step;

		memcpy(&head, at, sizeof(head));
		if (head.nla_len < ATTRIBUTE || head.nla_len > size)
			return;
		head.nla_type &= (uint16_t)NLA_TYPE_MASK;
		if (head.nla_type < count) {
			values[head.nla_type].data = at + ATTRIBUTE;
			values[head.nla_type].size = head.nla_len - ATTRIBUTE;
		}
		step = ALIGN((size_t)head.nla_len);
		if (step >= size)
			return;
		at += step;
		size -= step;
	}
}

void netlink_parse_message(const struct nlmsghdr *message, struct netlink_value *values,
			   unsigned int count)
{
	size_t size = message->nlmsg_len < HEADER ? 0 : message->nlmsg_len - HEADER;

	netlink_parse((const unsigned char *)message + HEADER, size, values, count);
}

uint32_t netlink_get_be32(struct netlink_value value)
{
	uint32_t number = 0;

	if (value.data != NULL && value.size >= sizeof(number))
		memcpy(&number, value.data, sizeof(number));
	return ntohl(number);
}

uint64_t netlink_get_be64(struct netlink_value value)
{
	uint64_t number = 0;

	if (value.data != NULL && value.size >= sizeof(number))
		memcpy(&number, value.data, sizeof(number));
	return be64toh(number);
}

const char *netlink_get_string(struct netlink_value value)
{
	if (value.data == NULL || memchr(value.data, '\0', value.size) == NULL)
		return NULL;
	return (const char *)value.data;
}

/* ---- talking to the kernel --------------------------------------------------------------------- */

int netlink_socket_open(struct netlink_socket *netlink)
{
	struct sockaddr_nl address = { .nl_family = AF_NETLINK };
	struct timeval patience = { .tv_sec = PATIENCE };
	int on = 1;

	memset(netlink, 0, sizeof(*netlink));
	netlink->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (netlink->fd < 0)
		return errno == EPROTONOSUPPORT ? -EOPNOTSUPP : -errno;
	netlink->data = malloc(RECEIVED);
	netlink->capacity = RECEIVED;
	if (netlink->data == NULL ||
	    bind(netlink->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		int rc = netlink->data == NULL ? -ENOMEM : -errno;

		netlink_socket_close(netlink);
		return rc;
	}
	setsockopt(netlink->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* Words with an error, and not all of the message that it is about. Linux 4.12 has it. */
	setsockopt(netlink->fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(netlink->fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

void netlink_socket_close(struct netlink_socket *netlink)
{
	if (netlink->fd >= 0)
		close(netlink->fd);
	netlink->fd = -1;
	free(netlink->data);
	netlink->data = NULL;
}

static int send_all(struct netlink_socket *netlink, const struct netlink_buffer *buffer)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	ssize_t sent;

	if (buffer->error != 0)
		return buffer->error;
	do {
		sent = sendto(netlink->fd, buffer->data, buffer->size, 0,
			      (struct sockaddr *)&kernel, sizeof(kernel));
	} while (sent < 0 && errno == EINTR);
	return sent < 0 ? -errno : 0;
}

/* Return: bytes, or a negative errno. Only the kernel is listened to. */
static ssize_t receive(struct netlink_socket *netlink, int flags)
{
	for (;;) {
		struct sockaddr_nl from = { 0 };
		socklen_t from_size = sizeof(from);
		ssize_t size = recvfrom(netlink->fd, netlink->data, netlink->capacity,
					flags | MSG_TRUNC, (struct sockaddr *)&from, &from_size);

		if (size < 0 && errno == EINTR)
			continue;
		if (size < 0)
			return -errno;
		if ((size_t)size > netlink->capacity)
			return -EMSGSIZE;
		if (from.nl_pid == 0)
			return size;
	}
}

/* The next message of what was received, or NULL. */
static const struct nlmsghdr *next_message(const unsigned char **at, size_t *left)
{
	const struct nlmsghdr *message = (const struct nlmsghdr *)*at;
	size_t step;

	if (*left < MESSAGE || message->nlmsg_len < MESSAGE || message->nlmsg_len > *left)
		return NULL;
	step = ALIGN((size_t)message->nlmsg_len);
	*at += step < *left ? step : *left;
	*left -= step < *left ? step : *left;
	return message;
}

/* errno of an NLMSG_ERROR, positive; 0: an acknowledgement. */
static int error_of(const struct nlmsghdr *message, struct netlink_refusal *refusal)
{
	struct netlink_value values[NLMSGERR_ATTR_MSG + 1];
	struct nlmsgerr error;
	size_t skipped = sizeof(error);
	const unsigned char *payload = (const unsigned char *)message + MESSAGE;
	size_t size = message->nlmsg_len - MESSAGE;
	const char *text;

	if (size < sizeof(error))
		return EBADMSG;
	memcpy(&error, payload, sizeof(error));
	if (error.error == 0 || refusal == NULL)
		return -error.error;
	refusal->number = -error.error;
	refusal->sequence = error.msg.nlmsg_seq;
	if (!(message->nlmsg_flags & NLM_F_ACK_TLVS))
		return -error.error;
	if (!(message->nlmsg_flags & NLM_F_CAPPED) && error.msg.nlmsg_len > MESSAGE)
		skipped += ALIGN((size_t)error.msg.nlmsg_len) - MESSAGE;
	if (skipped >= size)
		return -error.error;
	netlink_parse(payload + skipped, size - skipped, values, NLMSGERR_ATTR_MSG + 1);
	text = netlink_get_string(values[NLMSGERR_ATTR_MSG]);
	if (text != NULL)
		strncpy(refusal->text, text, sizeof(refusal->text) - 1);
	return -error.error;
}

/* How a dump has ended: an errno stands where an error's would. */
static int end_of(const struct nlmsghdr *message)
{
	int number = 0;

	if (message->nlmsg_len >= MESSAGE + sizeof(number))
		memcpy(&number, (const unsigned char *)message + MESSAGE, sizeof(number));
	return number < 0 ? number : 0;
}

/* Subsystems are modules: where one is not there nobody knows its messages. */
static int not_there(int rc)
{
	return rc == -EINVAL ? -EOPNOTSUPP : rc;
}

int netlink_request(struct netlink_socket *netlink, const struct netlink_buffer *request,
		    netlink_take_fn *take, void *context)
{
	bool is_dump = false, is_torn = false;
	int rc = send_all(netlink, request);

	if (rc == 0)
		is_dump = (((const struct nlmsghdr *)request->data)->nlmsg_flags & NLM_F_DUMP) ==
			  NLM_F_DUMP;

	while (rc == 0) {
		const unsigned char *at = netlink->data;
		const struct nlmsghdr *message;
		ssize_t size = receive(netlink, 0);
		size_t left = size < 0 ? 0 : (size_t)size;

		if (size < 0)
			return size == -EAGAIN ? -ETIMEDOUT : (int)size;
		while ((message = next_message(&at, &left)) != NULL) {
			if (message->nlmsg_seq != netlink->sequence)
				continue;
			if (message->nlmsg_flags & NLM_F_DUMP_INTR)
				is_torn = true;
			if (message->nlmsg_type == NLMSG_ERROR)
				return -error_of(message, NULL);
			if (message->nlmsg_type == NLMSG_DONE)
				return is_torn ? -EINTR : end_of(message);
			rc = take(context, message);
			/* nft_compat says that there is more, and sends no more. */
			if (rc < 0 || !is_dump)
				return rc;
		}
	}
	return rc;
}

static int take_generation(void *context, const struct nlmsghdr *message)
{
	struct netlink_value values[NFTA_GEN_ID + 1];

	netlink_parse_message(message, values, NFTA_GEN_ID + 1);
	*(uint32_t *)context = netlink_get_be32(values[NFTA_GEN_ID]);
	return 0;
}

int netlink_generation(struct netlink_socket *netlink, uint32_t *generation)
{
	struct netlink_buffer request = { 0 };
	int rc;

	netlink_begin(&request, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN, 0, ++netlink->sequence,
		      0, 0);
	netlink_end(&request);
	rc = netlink_request(netlink, &request, take_generation, generation);
	netlink_buffer_free(&request);
	return not_there(rc);
}

static void make_room(int fd, int force, int option, size_t size)
{
	int wanted = size > INT32_MAX / 2 ? INT32_MAX / 2 : (int)size;

	/* Beyond what the system allows with CAP_NET_ADMIN alone, which whoever is here has. */
	if (setsockopt(fd, SOL_SOCKET, force, &wanted, sizeof(wanted)) < 0)
		setsockopt(fd, SOL_SOCKET, option, &wanted, sizeof(wanted));
}

static int not_understood(struct netlink_refusal *refusal, int rc)
{
	refusal->number = -rc;
	refusal->is_unknown = true;
	strcpy(refusal->text, "the kernel's answer cannot be read: the change may be in");
	return rc;
}

int netlink_send_batch(struct netlink_socket *netlink, const struct netlink_buffer *batch,
		       netlink_take_fn *take, void *context, bool *is_complete,
		       struct netlink_refusal *refusal)
{
	bool is_answered = false;
	int rc, lost = 0;

	*is_complete = true;
	memset(refusal, 0, sizeof(*refusal));
	if (batch->size > SMALL) {
		/* A skb needs more than its bytes; an echo has more attributes than what was sent. */
		make_room(netlink->fd, SO_SNDBUFFORCE, SO_SNDBUF, batch->size + 65536);
		make_room(netlink->fd, SO_RCVBUFFORCE, SO_RCVBUF,
			  batch->size > ECHO_ROOM / 4 ? ECHO_ROOM : 4 * batch->size + (1u << 18));
	}
	rc = send_all(netlink, batch);
	if (rc < 0)
		refusal->number = -rc;
	while (rc == 0) {
		const unsigned char *at = netlink->data;
		const struct nlmsghdr *message;
		/* All that there is to say was said before sendto() returned. */
		ssize_t size = receive(netlink, MSG_DONTWAIT);
		size_t left = size < 0 ? 0 : (size_t)size;

		if (size == -EAGAIN)
			break;
		if ((size == -ENOBUFS || size == -EMSGSIZE) && ++lost < LOST_MAX) {
			*is_complete = false;
			continue;
		}
		if (size < 0)
			return not_understood(refusal, (int)size);
		is_answered = true;
		while (rc == 0 && (message = next_message(&at, &left)) != NULL) {
			if (message->nlmsg_type == NLMSG_ERROR)
				rc = -error_of(message, refusal);
			else if (message->nlmsg_type >= NLMSG_MIN_TYPE)
				take(context, message);
		}
	}
	/* The first message of an answer always finds room, unless the kernel has no memory for it. */
	if (rc == 0 && !*is_complete && !is_answered)
		return not_understood(refusal, -ENOBUFS);
	return rc;
}

static int take_nothing(void *context, const struct nlmsghdr *message)
{
	(void)context;
	(void)message;
	return 0;
}

int netlink_settle(struct netlink_socket *netlink, uint32_t generation)
{
	struct netlink_buffer batch = { 0 };
	struct netlink_refusal refusal;
	bool is_complete;
	int rc;

	netlink_begin_batch(&batch, generation);
	netlink_end_batch(&batch, 1);
	rc = netlink_send_batch(netlink, &batch, take_nothing, NULL, &is_complete, &refusal);
	netlink_buffer_free(&batch);
	return rc == -ERESTART ? -EAGAIN : rc;
}

/* ---- extensions -------------------------------------------------------------------------------- */

int pyiptc_get_nft_revision(const struct pyiptc_family *family, enum pyiptc_kind kind,
			    const char *name, uint8_t revision)
{
	struct netlink_socket netlink;
	struct netlink_buffer request = { 0 };
	int rc = netlink_socket_open(&netlink);

	if (rc < 0)
		return rc;
	netlink_begin(&request, NFNL_SUBSYS_NFT_COMPAT << 8 | NFNL_MSG_COMPAT_GET, 0,
		      ++netlink.sequence, family->nfproto, 0);
	netlink_put_string(&request, NFTA_COMPAT_NAME, name);
	netlink_put_be32(&request, NFTA_COMPAT_REV, revision);
	netlink_put_be32(&request, NFTA_COMPAT_TYPE, kind == PYIPTC_TARGET);
	netlink_end(&request);
	rc = netlink_request(&netlink, &request, take_nothing, NULL);
	netlink_buffer_free(&request);
	netlink_socket_close(&netlink);
	if (rc == -ENOENT || rc == -EPROTONOSUPPORT)
		return 0;
	return rc < 0 ? not_there(rc) : 1;
}
