/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Twins: two network namespaces that get the same edits, one through the legacy handle, one
 * through libiptc. Whatever is done, both kernels have to have the same bytes.
 */
#ifndef TWINS_H
#define TWINS_H

#include "pyiptc.h"

/* Where it is not so, say what and where, and end. */
#define check(what, ...)                                                 \
	do {                                                             \
		if (!(what))                                             \
			fail_at(__FILE__, __LINE__, #what, __VA_ARGS__); \
	} while (0)

_Noreturn void fail_at(const char *file, int line, const char *what, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

struct twin {
	const struct pyiptc_handle *handle;
	int fd; /* socket of its namespace, which no thread is in */
	struct pyiptc_table *table;
};

extern const struct pyiptc_family *family;
extern struct pyiptc_instance *instance;
extern struct twin legacy, libiptc;

/* A new network namespace for the calling thread, with its loopback interface up. */
void enter_namespace(void);
void make_twins(void);

void read_twins(const char *name);
void read_twin(struct twin *twin, const char *name);
/* Both must answer alike. Return: what they answered. */
int commit_twins(void);
int commit_twin(struct twin *twin, struct pyiptc_error *error);
void drop_twins(void);
void check_same_tables(const struct pyiptc_table *a, const struct pyiptc_table *b);
void check_same_kernels(const char *name);
/* Both kernels count the same at each entry, ends of chains too, as if packets had come. */
void count_packets(const char *name);
/* The counters of an entry of the kernel. */
struct xt_counters kernel_counters(const struct twin *twin, uint32_t index);

/* Numbers that a seed makes the same everywhere. */
void set_seed(uint64_t seed);
uint64_t get_seed(void);
uint32_t below(uint32_t limit);

/* Rules of all kinds: verdicts, jumps and gotos where @jump is not NULL, matches, targets. */
int add_rule(struct pyiptc_table *table, struct pyiptc_chain *chain, uint32_t index, int replace,
	     struct pyiptc_chain *jump);
/* A rule for all packets, which jumps, or else goes on to the next one; at the end. */
int add_plain(struct pyiptc_table *table, struct pyiptc_chain *chain, struct pyiptc_chain *jump);
/* A rule whose target is that extension, with 8 bytes of payload, which is MARK's size. */
int add_extension(struct pyiptc_table *table, struct pyiptc_chain *chain, const char *name);
void edit_table(struct pyiptc_table *table, uint32_t count);
void empty_table(struct pyiptc_table *table);

#endif
