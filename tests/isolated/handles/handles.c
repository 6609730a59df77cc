/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handles SCENARIO INNER FAMILY SEED ROUNDS [LIBIPTC]
 *
 * What a scenario finds wrong goes to standard error, and the status is 1. It leaves the network
 * namespace that it was started in before it does anything.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "twins.h"

static const char *const table_names[] = { "filter", "mangle", "raw", "security", "nat" };

static struct pyiptc_chain *chain_of(const struct twin *twin, const char *name)
{
	struct pyiptc_chain *chain = pyiptc_table_find_chain(twin->table, name);

	check(chain != NULL, "%s", name);
	return chain;
}

static void check_refused(int number, const char *words)
{
	struct pyiptc_error error;
	int rc = commit_twin(&libiptc, &error);

	check(rc == -number, "%d: %s", rc, error.text);
	check(strstr(error.text, words) != NULL, "%s", error.text);
	check(error.operation != NULL, "%s", error.text);
	check_same_kernels("mangle");
	read_twins("mangle");
}

static void check_unreadable(const char *name, int number, const char *words)
{
	struct pyiptc_error error = { 0 };
	struct pyiptc_table *table;
	int rc = pyiptc_handle_libiptc.read(libiptc.fd, instance, family, name, &table, &error);

	check(rc == -number && error.number == number, "%s: %d: %s", name, rc, error.text);
	check(strstr(error.text, words) != NULL, "%s", error.text);
	check(error.operation != NULL, "%s", error.text);
}

/* The same random edits in both. */
static void edit_twins(uint32_t count)
{
	uint64_t seed = get_seed();

	set_seed(seed);
	edit_table(legacy.table, count);
	set_seed(seed);
	edit_table(libiptc.table, count);
}

/* Edits of all kinds, several commits of one table in memory, packets coming in between. */
static void run_random(uint32_t rounds)
{
	uint32_t committed = 0, refused = 0;

	for (uint32_t round = 0; round < rounds; round++) {
		const char *name = table_names[below(5)];

		read_twins(name);
		if (below(40) == 0) {
			empty_table(legacy.table);
			empty_table(libiptc.table);
		}
		for (uint32_t commits = 1 + below(3); commits > 0; commits--) {
			edit_twins(1 + below(below(4) ? 8 : 200));
			count_packets(name);
			if (commit_twins() < 0) {
				refused++;
				read_twins(name);
			} else {
				committed++;
				check_same_tables(legacy.table, libiptc.table);
			}
			check_same_kernels(name);
		}
	}
	printf("%u commits, %u refused by the kernel\n", committed, refused);
	check(committed > refused, "%u and %u", committed, refused);
}

/* Where iptc_rename_chain() of 1.8.9 crashes: the chain is alone in its bucket of 40. */
static void rename_one(uint32_t chains, const char *to)
{
	struct twin *twins[] = { &legacy, &libiptc };
	struct pyiptc_chain *created;
	char name[16];

	read_twins("raw");
	for (int t = 0; t < 2; t++) {
		empty_table(twins[t]->table);
		for (uint32_t i = 0; i < chains; i++) {
			snprintf(name, sizeof(name), "c%04u", i);
			pyiptc_table_create_chain(twins[t]->table, name, &created);
		}
	}
	check(commit_twins() == 0, "%u chains", chains);
	for (int t = 0; t < 2; t++) {
		for (uint32_t i = 41; i < 80; i++) {
			snprintf(name, sizeof(name), "c%04u", i);
			pyiptc_table_delete_chain(twins[t]->table, chain_of(twins[t], name));
		}
		pyiptc_table_rename_chain(twins[t]->table, chain_of(twins[t], "c0040"), to);
	}
	check(commit_twins() == 0, "%u chains", chains);
	check_same_kernels("raw");
}

static void run_rename(uint32_t rounds)
{
	(void)rounds;
	for (uint32_t chains = 118; chains < 123; chains++) {
		rename_one(chains, "a");
		rename_one(chains, "c0100a");
		rename_one(chains, "z");
	}
}

/* So many chains that libiptc's index of them is made anew, and grows and shrinks. */
static void run_many(uint32_t rounds)
{
	struct twin *twins[] = { &legacy, &libiptc };
	struct pyiptc_chain *chain;
	char name[16];

	for (uint32_t round = 0; round < rounds; round++) {
		uint64_t seed = get_seed();

		read_twins("raw");
		for (int t = 0; t < 2; t++) {
			set_seed(seed);
			for (uint32_t i = below(900); i > 0; i--) {
				snprintf(name, sizeof(name), "c%u", below(1500));
				pyiptc_table_create_chain(twins[t]->table, name, &chain);
			}
			for (uint32_t i = below(900); i > 0; i--) {
				snprintf(name, sizeof(name), "c%u", below(1500));
				chain = pyiptc_table_find_chain(twins[t]->table, name);
				snprintf(name, sizeof(name), "r%u", below(1500));
				if (chain != NULL && below(3) == 0)
					pyiptc_table_rename_chain(twins[t]->table, chain, name);
				else if (chain != NULL)
					pyiptc_table_delete_chain(twins[t]->table, chain);
			}
		}
		check(commit_twins() == 0, "round %u", round);
		check_same_tables(legacy.table, libiptc.table);
		check_same_kernels("raw");
	}
}

/* Edits that cancel each other out, and counters that were set: libiptc has nothing to do. */
static void run_undone(uint32_t rounds)
{
	struct twin *twins[] = { &legacy, &libiptc };

	(void)rounds;
	read_twins("mangle");
	edit_twins(60);
	check(commit_twins() == 0, "60 edits");
	count_packets("mangle");
	read_twins("mangle");
	for (int t = 0; t < 2; t++) {
		struct pyiptc_chain *input = chain_of(twins[t], "INPUT");

		check(add_plain(twins[t]->table, input, NULL) == 0, "INPUT");
		pyiptc_table_delete(twins[t]->table, input, input->count - 1);
		pyiptc_table_zero_chain(twins[t]->table, chain_of(twins[t], "FORWARD"), true);
	}
	count_packets("mangle");
	check(commit_twins() == 0, "nothing");
	check_same_tables(legacy.table, libiptc.table);
	check_same_kernels("mangle");
}

/* ---- tables that libiptc would not make ---------------------------------------------------------- */

/* Send a table as it is laid out, past all handles, to both kernels. Return: their answer. */
static int send_image(struct pyiptc_image *image)
{
	int rc = pyiptc_set_replace(legacy.fd, family, image->replace, image->size);

	check(pyiptc_set_replace(libiptc.fd, family, image->replace, image->size) == rc, "%d", rc);
	pyiptc_image_free(image);
	return rc;
}

/* Chains out of order, as libiptc before 1.4.0 left them: their entries have other indices. */
static void run_unsorted(uint32_t rounds)
{
	uint32_t sent = 0;

	for (uint32_t round = 0; round < rounds; round++) {
		struct pyiptc_table *table;
		struct pyiptc_image image;
		int rc;

		read_twin(&legacy, "mangle");
		edit_table(legacy.table, 150);
		table = legacy.table;
		for (uint32_t i = table->builtin_count; i < table->chain_count; i++) {
			uint32_t j = i + below(table->chain_count - i);
			struct pyiptc_chain *chain = table->chains[i];

			table->chains[i] = table->chains[j];
			table->chains[j] = chain;
		}
		check(pyiptc_table_build(table, &image) == 0, "memory");
		rc = send_image(&image);
		if (rc == -ELOOP)
			continue;
		check(rc == 0, "%s", strerror(-rc));
		sent++;
		count_packets("mangle");
		read_twin(&legacy, "mangle");
		read_twin(&libiptc, "mangle");
		edit_twins(30);
		count_packets("mangle");
		if (commit_twins() == 0)
			check_same_tables(legacy.table, libiptc.table);
		check_same_kernels("mangle");
	}
	check(sent > rounds / 2, "%u of %u", sent, rounds);
}

/* libiptc keeps such a jump in memory and sends it elsewhere. */
static void jump_to_builtin(void)
{
	struct pyiptc_chain *forward;
	struct pyiptc_image image;

	read_twins("mangle");
	forward = chain_of(&legacy, "FORWARD");
	check(add_plain(legacy.table, forward, chain_of(&legacy, "INPUT")) == 0, "FORWARD");
	check(add_plain(legacy.table, chain_of(&legacy, "INPUT"), NULL) == 0, "INPUT");
	check(pyiptc_table_build(legacy.table, &image) == 0, "memory");
	check(send_image(&image) == 0, "mangle");
	read_twins("mangle");
	add_plain(libiptc.table, chain_of(&libiptc, "OUTPUT"), NULL);
	check_refused(EPROTO, "another table");
}

/* And takes one into the middle of a chain for one to its start. */
static void jump_into_middle(void)
{
	struct pyiptc_chain *output, *to;
	struct pyiptc_image image;
	struct pyiptc_error error = { 0 };
	struct pyiptc_table *table;
	unsigned char *verdict;
	int offset;

	read_twins("mangle");
	output = chain_of(&legacy, "OUTPUT");
	check(pyiptc_table_create_chain(legacy.table, "to", &to) == 0, "to");
	add_plain(legacy.table, to, NULL);
	add_plain(legacy.table, output, to);
	check(pyiptc_table_build(legacy.table, &image) == 0, "memory");
	/* The verdict is the offset of a rule: of the second one, then. */
	verdict = (unsigned char *)image.replace->entries + output->foot_offset - 8;
	memcpy(&offset, verdict, sizeof(offset));
	check((uint32_t)offset == to->first_offset, "%d", offset);
	offset += pyiptc_chain_rule(to, 0)->size;
	memcpy(verdict, &offset, sizeof(offset));
	check(send_image(&image) == 0, "mangle");
	check(pyiptc_handle_legacy.read(legacy.fd, NULL, family, "mangle", &table, &error) ==
		      -EBADMSG,
	      "%d", error.number);
	check_unreadable("mangle", EBADMSG, "");
}

static void run_odd(uint32_t rounds)
{
	(void)rounds;
	jump_to_builtin();
	jump_into_middle();
}

/* ---- what libiptc cannot do ------------------------------------------------------------------------- */

static void run_refused(uint32_t rounds)
{
	struct pyiptc_chain *created;

	(void)rounds;
	read_twins("mangle");
	pyiptc_table_create_chain(libiptc.table, "MARK", &created);
	add_extension(libiptc.table, chain_of(&libiptc, "INPUT"), "MARK");
	check_refused(EOPNOTSUPP, "the target MARK for the chain");
	add_extension(libiptc.table, chain_of(&libiptc, "INPUT"), "DROP");
	check_refused(EOPNOTSUPP, "the target DROP for the verdict");
	add_extension(libiptc.table, chain_of(&libiptc, "INPUT"), "abcdefghijklmnopqrstuvwxyzabc");
	check_refused(EOPNOTSUPP, "no end");
	pyiptc_table_create_chain(libiptc.table, "", &created);
	check_refused(EOPNOTSUPP, "without a name");
	add_extension(libiptc.table, chain_of(&libiptc, "INPUT"), "NoSuchTarget");
	check_refused(ENOENT, "No chain/target/match by that name");
}

/* Another writer, and as many entries as before. */
static void run_conflict(uint32_t rounds)
{
	struct pyiptc_error error;
	struct pyiptc_table *mine;

	(void)rounds;
	read_twins("mangle");
	add_rule(libiptc.table, chain_of(&libiptc, "INPUT"), 0, 0, NULL);
	check(commit_twin(&libiptc, &error) == 0, "%s", error.text);
	mine = libiptc.table;
	check(libiptc.handle->read(libiptc.fd, instance, family, "mangle", &libiptc.table,
				   &error) == 0,
	      "%s", error.text);
	add_rule(libiptc.table, chain_of(&libiptc, "INPUT"), 0, 1, NULL);
	check(commit_twin(&libiptc, &error) == 0, "%s", error.text);
	pyiptc_table_free(libiptc.table);
	libiptc.table = mine;
	add_rule(libiptc.table, chain_of(&libiptc, "FORWARD"), 0, 0, NULL);
	check(commit_twin(&libiptc, &error) == -EAGAIN, "%s", error.text);
	check(error.text[0] != '\0', "%s", error.operation);
}

/* Sockets of other kinds: the same errors as without libiptc. */
static void check_same_error(int fd)
{
	struct pyiptc_error error = { 0 };
	struct pyiptc_table *table;
	int rc = pyiptc_handle_legacy.read(fd, NULL, family, "filter", &table, &error);

	check(rc < 0, "%d", fd);
	libiptc.fd = fd;
	check_unreadable("filter", -rc, "");
}

static void run_errors(uint32_t rounds)
{
	struct pyiptc_error error = { 0 };
	int other = family->nfproto == NFPROTO_IPV4 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	struct pyiptc_table *table;

	(void)rounds;
	check_unreadable("nonsense", ENOENT, "Table does not exist (do you need to insmod?)");
	check_unreadable("a-name-that-is-too-long-for-tables", ENAMETOOLONG, "");
	check(setenv("PYIPTC_MODPROBE", "0", 1) == 0, "%s", strerror(errno));
	check_same_error(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
	check_same_error(-1);
	check(pyiptc_handle_libiptc.read(legacy.fd, NULL, family, "filter", &table, &error) ==
		      -EINVAL,
	      "no instance");
	check(pyiptc_handle_libiptc.read(legacy.fd, instance, pyiptc_family((unsigned int)other),
					 "filter", &table, &error) == -EINVAL,
	      "an instance of the other family");
}

static void run_absent(uint32_t rounds)
{
	(void)rounds;
	check(pyiptc_instance_set_libiptc(instance, "/nonexistent/libiptc.so") == 0, "memory");
	check_unreadable("filter", ELIBACC, "/nonexistent/libiptc.so");
	check_unreadable("filter", ELIBACC, "/nonexistent/libiptc.so");
	/* There, but not what it has to be. */
	check(pyiptc_instance_set_libiptc(instance, "libc.so.6") == 0, "memory");
	check_unreadable("filter", ELIBACC, "tc_init");
	check(pyiptc_instance_set_libiptc(instance, family->nfproto == NFPROTO_IPV4
							    ? "libip4tc.so.2"
							    : "libip6tc.so.2") == 0,
	      "memory");
	check_unreadable("nonsense", ENOENT, "");
}

/* ---- broken libraries: see broken.c --------------------------------------------------------------------- */

static void break_it(const char *how)
{
	/* The instance's libc has an environment of its own: it is told through a file. */
	FILE *file = fopen("broken", "w");

	check(file != NULL, "%s", strerror(errno));
	fputs(how, file);
	fclose(file);
}

static void check_broken(const char *how, int number, const char *words)
{
	struct pyiptc_error error;
	int rc;

	read_twins("mangle");
	add_rule(libiptc.table, chain_of(&libiptc, "FORWARD"), 0, 0, NULL);
	break_it(how);
	rc = commit_twin(&libiptc, &error);
	break_it("");
	check(rc == -number, "%s: %d: %s", how, rc, error.text);
	check(strstr(error.text, words) != NULL, "%s: %s", how, error.text);
	check_same_kernels("mangle");
}

static void run_broken(uint32_t rounds)
{
	(void)rounds;
	break_it("");
	read_twins("mangle");
	edit_twins(100);
	check(commit_twins() == 0, "100 edits");
	break_it("abort");
	check_unreadable("mangle", EPROTO, "abort(): ERROR: -3 not a valid target)");
	break_it("exit");
	check_unreadable("mangle", EPROTO, "exit(42)");
	break_it("short");
	check_unreadable("mangle", EPROTO, "another table");
	break_it("order");
	check_unreadable("mangle", EPROTO, "another table");
	break_it("");
	check_broken("abort-at-commit", EPROTO, "abort()");
	check_broken("other", EPROTO, "another table");
	check_broken("more", EPROTO, "another table");
	check_broken("silent", EPROTO, "");
}

/* ---- counters ---------------------------------------------------------------------------------------------- */

struct flood {
	int fd, into;
	struct sockaddr_storage to;
	socklen_t size;
	atomic_int stop;
	atomic_ulong sent;
};

static void make_flood(struct flood *flood)
{
	int domain = family->nfproto == NFPROTO_IPV4 ? AF_INET : AF_INET6;

	memset(flood, 0, sizeof(*flood));
	flood->to.ss_family = (sa_family_t)domain;
	flood->size = domain == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
	if (domain == AF_INET)
		((struct sockaddr_in *)&flood->to)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		((struct sockaddr_in6 *)&flood->to)->sin6_addr = in6addr_loopback;
	/* Somebody has it, so that no errors come back and are counted. */
	flood->into = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	check(bind(flood->into, (struct sockaddr *)&flood->to, flood->size) == 0, "%s",
	      strerror(errno));
	check(getsockname(flood->into, (struct sockaddr *)&flood->to, &flood->size) == 0, "%s",
	      strerror(errno));
	flood->fd = socket(domain, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	check(flood->fd >= 0, "%s", strerror(errno));
}

static void *run_sender(void *argument)
{
	struct flood *flood = argument;

	while (!flood->stop)
		if (sendto(flood->fd, "x", 1, 0, (struct sockaddr *)&flood->to, flood->size) == 1)
			flood->sent++;
	return NULL;
}

/* What every packet that is sent passes: a policy, a rule that stays, and one, its chain, and
 * that chain's end, which move with each renaming. */
static void make_counters(void)
{
	struct pyiptc_chain *output = chain_of(&libiptc, "OUTPUT"), *created;
	struct pyiptc_error error;

	pyiptc_table_create_chain(libiptc.table, "c0", &created);
	check(add_plain(libiptc.table, created, NULL) == 0, "c0");
	check(add_plain(libiptc.table, output, created) == 0, "OUTPUT");
	check(add_plain(libiptc.table, output, NULL) == 0, "OUTPUT");
	check(commit_twin(&libiptc, &error) == 0, "%s", error.text);
}

static void edit_elsewhere(uint32_t round)
{
	struct pyiptc_chain *output = chain_of(&libiptc, "OUTPUT"), *chain;
	char name[16];

	snprintf(name, sizeof(name), "c%u", round);
	chain = chain_of(&libiptc, name);
	snprintf(name, sizeof(name), "c%u", round + 1);
	check(pyiptc_table_rename_chain(libiptc.table, chain, name) == 0, "%s", name);
	if (round % 2)
		add_plain(libiptc.table, chain_of(&libiptc, "INPUT"), NULL);
	if (round % 3 == 0)
		pyiptc_table_delete(libiptc.table, chain_of(&libiptc, "INPUT"), 0);
	check(pyiptc_table_set_policy(libiptc.table, output, "ACCEPT", NULL) == 0, "ACCEPT");
}

static void run_flood(uint32_t rounds)
{
	struct pyiptc_chain *chains[2];
	struct pyiptc_error error;
	struct flood flood;
	pthread_t sender;
	char name[16];

	libiptc.fd = pyiptc_socket(family);
	read_twin(&libiptc, "filter");
	make_counters();
	make_flood(&flood);
	check(pthread_create(&sender, NULL, run_sender, &flood) == 0, "no thread");
	for (uint32_t round = 0; round < rounds; round++) {
		edit_elsewhere(round);
		check(commit_twin(&libiptc, &error) == 0, "%s", error.text);
		if (round % 10 == 9)
			read_twin(&libiptc, "filter");
	}
	flood.stop = 1;
	pthread_join(sender, NULL);
	read_twin(&libiptc, "filter");
	snprintf(name, sizeof(name), "c%u", rounds);
	chains[0] = chain_of(&libiptc, "OUTPUT");
	chains[1] = chain_of(&libiptc, name);
	printf("%lu packets, %u commits\n", flood.sent, rounds);
	for (int i = 0; i < 2; i++) {
		/* All their rules, and their ends. */
		for (uint32_t j = 0; j <= chains[i]->count; j++) {
			uint32_t index = chains[i]->origin - j;
			struct xt_counters counters = kernel_counters(&libiptc, index);

			check(counters.pcnt == flood.sent, "entry %u: %llu of %lu", index,
			      (unsigned long long)counters.pcnt, flood.sent);
		}
	}
}

/* The kernel takes the rules and not the counters: an error that libiptc tells like any other. */
static void forbid_counters(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_setsockopt, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[2])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, IPT_SO_SET_ADD_COUNTERS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOMEM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = sizeof(program) / sizeof(program[0]),
				     .filter = program };

	check(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "%s", strerror(errno));
	check(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) == 0, "%s", strerror(errno));
}

static void run_lost(uint32_t rounds)
{
	struct pyiptc_error error;

	(void)rounds;
	read_twins("mangle");
	edit_twins(50);
	check(commit_twins() == 0, "50 edits");
	count_packets("mangle");
	edit_twins(50);
	forbid_counters();
	check(commit_twin(&legacy, &error) == PYIPTC_COUNTERS_LOST, "%s", strerror(error.number));
	check(commit_twin(&libiptc, &error) == PYIPTC_COUNTERS_LOST, "%s", error.text);
	check(error.number == ENOMEM, "%d", error.number);
	check(strcmp(error.operation, "IPT_SO_SET_ADD_COUNTERS") == 0, "%s", error.operation);
	check(strstr(error.text, "Memory allocation problem") != NULL, "%s", error.text);
	check_same_tables(legacy.table, libiptc.table);
	check_same_kernels("mangle");
}

/* ---- threads, memory, descriptors ------------------------------------------------------------------------- */

static void *edit_alone(void *argument)
{
	struct pyiptc_error error = { 0 };
	struct pyiptc_chain *created;
	struct pyiptc_table *table;
	char name[16];
	int fd;

	enter_namespace();
	fd = pyiptc_socket(family);
	check(fd >= 0, "%s", strerror(-fd));
	for (uint32_t i = 0; i < *(uint32_t *)argument; i++) {
		check(pyiptc_handle_libiptc.read(fd, instance, family, "raw", &table, &error) == 0,
		      "%s", error.text);
		check(table->chain_count == table->builtin_count + i, "%u", i);
		snprintf(name, sizeof(name), "c%u", i);
		check(pyiptc_table_create_chain(table, name, &created) == 0, "%s", name);
		check(pyiptc_handle_libiptc.commit(fd, instance, table, &error) == 0, "%s",
		      error.text);
		pyiptc_table_free(table);
	}
	close(fd);
	return NULL;
}

static void run_threads(uint32_t rounds)
{
	pthread_t threads[8];

	for (size_t i = 0; i < 8; i++)
		check(pthread_create(&threads[i], NULL, edit_alone, &rounds) == 0, "no thread");
	for (size_t i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
}

static uint32_t count_descriptors(void)
{
	DIR *directory = opendir("/proc/self/fd");
	uint32_t count = 0;

	check(directory != NULL, "%s", strerror(errno));
	while (readdir(directory) != NULL)
		count++;
	closedir(directory);
	return count;
}

static void edit_and_undo(void)
{
	struct pyiptc_error error;

	read_twin(&libiptc, "mangle");
	edit_table(libiptc.table, 20);
	commit_twin(&libiptc, &error);
	read_twin(&libiptc, "mangle");
	empty_table(libiptc.table);
	add_extension(libiptc.table, chain_of(&libiptc, "INPUT"), "NoSuchTarget");
	check(commit_twin(&libiptc, &error) < 0, "NoSuchTarget");
	read_twin(&libiptc, "mangle");
	empty_table(libiptc.table);
	check(commit_twin(&libiptc, &error) == 0, "%s", error.text);
	pyiptc_table_free(libiptc.table);
	libiptc.table = NULL;
	check(pyiptc_handle_libiptc.read(libiptc.fd, instance, family, "nonsense", &libiptc.table,
					 &error) < 0,
	      "nonsense");
}

static void run_leaks(uint32_t rounds)
{
	uint32_t descriptors;
	size_t used, later;

	for (uint32_t i = 0; i < rounds / 5; i++)
		edit_and_undo();
	used = mallinfo2().uordblks;
	descriptors = count_descriptors();
	for (uint32_t i = 0; i < rounds; i++)
		edit_and_undo();
	later = mallinfo2().uordblks;
	check(later == used, "%zu bytes, then %zu", used, later);
	check(count_descriptors() == descriptors, "%u", descriptors);
}

static void run_single(uint32_t rounds)
{
	(void)rounds;
	check_unreadable("filter", EOPNOTSUPP, "a link namespace of its own");
}

/* ---- main ----------------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*run)(uint32_t rounds);
} scenarios[] = {
	{ "random", run_random }, { "rename", run_rename },     { "refused", run_refused },
	{ "many", run_many },     { "undone", run_undone },     { "unsorted", run_unsorted },
	{ "odd", run_odd },       { "conflict", run_conflict }, { "errors", run_errors },
	{ "absent", run_absent }, { "broken", run_broken },     { "flood", run_flood },
	{ "lost", run_lost },     { "threads", run_threads },   { "leaks", run_leaks },
	{ "single", run_single },
};

int main(int argc, char **argv)
{
	char error[256] = "";
	int is_single;

	check(argc == 6 || argc == 7, "%d arguments", argc);
	family = pyiptc_family((unsigned int)atoi(argv[3]));
	check(family != NULL, "%s", argv[3]);
	set_seed((uint64_t)atoll(argv[4]));
	make_twins();
	is_single = strcmp(argv[1], "single") == 0;
	check(pyiptc_instance_open(family->nfproto, argv[2], "libxtables.so.12", NULL, is_single,
				   &instance, error, sizeof(error)) == 0,
	      "%s", error);
	if (argc == 7)
		check(pyiptc_instance_set_libiptc(instance, argv[6]) == 0, "%s", argv[6]);
	for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++)
		if (strcmp(scenarios[i].name, argv[1]) == 0) {
			scenarios[i].run((uint32_t)atoi(argv[5]));
			drop_twins();
			return 0;
		}
	check(0, "no scenario %s", argv[1]);
}
