/* SPDX-License-Identifier: GPL-2.0-or-later */
/**
 * A rule as an entry, and the same rule as nf_tables expressions: what is inside of
 * NFTA_RULE_EXPRESSIONS, and beside it in the message. Bytes to bytes: no system call, no
 * libxtables, no table, nothing static that changes. The wire format is that of
 * linux/netfilter/nf_tables.h and nf_tables_compat.h; the order of attributes is that in which
 * the kernel dumps them, so that what is written equals what is read back.
 */
#ifndef PYIPTC_NFT_CODEC_H
#define PYIPTC_NFT_CODEC_H

#include "pyiptc.h" /* which includes this file at its end */

/* Which expressions a rule becomes. All of them are read back, whichever was written. */
enum pyiptc_nft_form {
	/* What iptables-nft of every version from 1.8.3 on lists correctly: extensions as xt
	 * match and target, masks always as bitwise. */
	PYIPTC_NFT_PORTABLE = 0,
	/* To the byte what that version leaves in the kernel, with its mistakes: see the table at
	 * pyiptc_nft_encode(). */
	PYIPTC_NFT_NATIVE_1_8_9 = 1,
	PYIPTC_NFT_NATIVE_1_8_11 = 2,
};
#define PYIPTC_NFT_FORMS 3

/* Of the kernel: NFT_RULE_MAXEXPRS; more give ENOSPC there. */
#define PYIPTC_NFT_MAX_EXPRESSIONS 128

/* Memory that grows. Begins as { 0 }; used again by setting size to 0. */
struct pyiptc_nft_buffer {
	unsigned char *data; /* malloc()ed */
	size_t size;         /* bytes in use */
	size_t capacity;
};

/* Room for @more bytes behind size, which stays. 0 or -ENOMEM, and the buffer is what it was. */
int pyiptc_nft_reserve(struct pyiptc_nft_buffer *buffer, size_t more);
void pyiptc_nft_buffer_free(struct pyiptc_nft_buffer *buffer);

/* What NFTA_RULE_COMPAT has to hold beside the expressions, in host order. The kernel asks for it
 * where extensions are bound to a protocol (`match tcp` is EINVAL without), and never shows it. */
struct pyiptc_nft_compat {
	uint32_t protocol; /* NFTA_RULE_COMPAT_PROTO */
	uint32_t flags;    /* NFTA_RULE_COMPAT_FLAGS: 0, or NFT_RULE_COMPAT_F_INV */
};

/**
 * Append the expressions of one entry to @out: a sequence of NFTA_LIST_ELEM, without the header of
 * NFTA_RULE_EXPRESSIONS, at most 65531 bytes, a multiple of 4.
 *
 * @entry: @size bytes that pyiptc_entry_check() finds no fault with; the counters in it are what
 * the rule starts with. @kind: enum pyiptc_rule_kind; where it is PYIPTC_RULE_JUMP, @jump names
 * the chain (NULL otherwise) and the header's flag says whether it is a goto.
 * @reason: out, on failure: static.
 *
 * Return: 0; -EOPNOTSUPP, nf_tables cannot say this (@reason); -EINVAL, not an entry or not a jump
 * (@reason); -E2BIG, more expressions than a rule may have; -ENOMEM. On failure @out is as it was.
 *
 * What the native forms lose, as the versions that they are named after do: NFLOG's --nflog-range
 * (both); `! --sport 0:65535` of tcp and udp, which is no test in 1.8.9; `-i +` in 1.8.11.
 * 1.8.9 writes `! --sport A ! --dport B` as one comparison that is true for more packets.
 */
int pyiptc_nft_encode(const struct pyiptc_family *family, const unsigned char *entry, uint32_t size,
		      enum pyiptc_rule_kind kind, const char *jump, enum pyiptc_nft_form form,
		      struct pyiptc_nft_buffer *out, struct pyiptc_nft_compat *compat,
		      const char **reason);

/* Of pyiptc_nft_rule.flags: what of a rule is not in its entry. */
#define PYIPTC_NFT_UNCOUNTED 1 /* there is no counter: the entry's are zero for ever */
#define PYIPTC_NFT_COMMENTED 2 /* the last match, a comment, was userdata as nft writes it */

/* A rule that was read. */
struct pyiptc_nft_rule {
	enum pyiptc_rule_kind kind;
	unsigned int flags;                 /* PYIPTC_NFT_* */
	char jump[XT_EXTENSION_MAXNAMELEN]; /* chain of a jump or goto, or "" */
	struct pyiptc_nft_compat compat;    /* what a message that replaces the rule has to say */
};

/**
 * One rule of a dump back into an entry.
 *
 * @expressions: what NFTA_RULE_EXPRESSIONS holds, @size bytes (NULL and 0: there was none).
 * @userdata: what NFTA_RULE_USERDATA holds, @userdata_size bytes (NULL and 0: none).
 * @entry: out, its content is replaced; entry->size bytes that pyiptc_entry_check() finds no fault
 * with, counters filled in, a jump's or a missing target's verdict 0.
 * @reason: out, on failure but -ENOMEM: static.
 *
 * Return: 0; -EOPNOTSUPP, no iptables rule says what this one does (@reason): an opaque one;
 * -EBADMSG, not what the kernel sends (@reason, and as good as opaque); -ENOMEM. Every byte may be
 * anything: nothing outside of the two blocks is read.
 */
int pyiptc_nft_decode(const struct pyiptc_family *family, const unsigned char *expressions,
		      size_t size, const unsigned char *userdata, size_t userdata_size,
		      struct pyiptc_nft_buffer *entry, struct pyiptc_nft_rule *rule,
		      const char **reason);

/**
 * Names of a rule's expressions, separated by blanks, for those who show an opaque rule; an xt match
 * or target is followed by its own name ("match:conntrack"). What does not fit @size is left out;
 * bytes that are not printable ASCII become '?'. Return: length of the text, without its NUL.
 */
size_t pyiptc_nft_names(const unsigned char *expressions, size_t size, char *text,
			size_t text_size);

/**
 * The chain that an expression of a rule, opaque or not, jumps or goes to by its own verdict (chains
 * in the elements of a map are not seen). Return: length of the name and *@chain, which is inside of
 * @expressions and has no NUL that counts; 0: none.
 */
size_t pyiptc_nft_jump(const unsigned char *expressions, size_t size, const char **chain);

#endif
