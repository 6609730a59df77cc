# SPDX-License-Identifier: GPL-2.0-or-later
"""The C shim as Cython sees it: names as in csrc/pyiptc.h, and no logic."""

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "pyiptc.h" nogil:
    enum pyiptc_kind:
        PYIPTC_MATCH
        PYIPTC_TARGET

    enum:
        PYIPTC_PARSE_FINAL
        PYIPTC_COUNTERS_LOST
        PYIPTC_RULE_PLAIN
        PYIPTC_RULE_JUMP
        PYIPTC_RULE_FALLTHROUGH

    uint32_t PYIPTC_ORIGIN_NONE

    ctypedef int pyiptc_rule_kind "enum pyiptc_rule_kind"

    struct xt_counters:
        uint64_t pcnt
        uint64_t bcnt

    struct pyiptc_extension:
        char name[32]
        unsigned int revision
        uint32_t size
        uint32_t user_size
        int has_save
        int has_parse

    struct pyiptc_option:
        const char *name
        int has_arg
        int id

    struct pyiptc_reply:
        const char *error
        const char *warnings
        const char *text
        const char *alias
        const unsigned char *payload
        size_t warnings_size
        size_t text_size
        size_t payload_size
        const pyiptc_option *options
        size_t option_count
        uint32_t entry_count
        int is_fallthrough
        int is_assumed

    struct pyiptc_chains:
        int (*has)(void *context, const char *name) noexcept nogil
        void *context

    struct pyiptc_family:
        unsigned int nfproto
        uint32_t header_size
        uint32_t ip_size
        uint32_t address_size
        uint32_t iniface
        uint32_t outiface
        uint32_t proto
        uint32_t flags
        uint32_t offsets
        uint32_t counters
        const char *module

    const pyiptc_family *pyiptc_family_of "pyiptc_family"(unsigned int nfproto)

    bint pyiptc_read_address(const pyiptc_family *family, const char *text, unsigned char *address)

    int pyiptc_socket(const pyiptc_family *family)
    int pyiptc_netns_cookie(int fd, uint64_t *cookie)
    int pyiptc_setns(int fd)
    int pyiptc_load_module(const char *name)
    int pyiptc_get_nft_revision(const pyiptc_family *family, pyiptc_kind kind, const char *name,
                                uint8_t revision)

    struct pyiptc_raw:
        pass

    struct pyiptc_nft:
        pass

    struct pyiptc_lock:
        int fd
        int state
        uint64_t device
        uint64_t inode

    int pyiptc_lock_open(const char *path, bint create, pyiptc_lock *lock)
    void pyiptc_lock_close(int fd, bint is_held)

    struct pyiptc_chain:
        char name[256]
        int hook
        int policy
        xt_counters counters
        xt_counters given
        uint8_t is_zeroed
        uint8_t is_set
        uint32_t references
        uint32_t count
        uint8_t is_unread

    struct pyiptc_rule:
        unsigned char *data
        pyiptc_chain *jump
        uint64_t handle
        const pyiptc_raw *raw
        uint32_t origin
        uint16_t size
        uint8_t kind
        uint8_t is_zeroed

    struct pyiptc_table:
        const pyiptc_family *family
        char name[32]
        uint32_t num_entries
        pyiptc_share *share
        pyiptc_chain **chains
        uint32_t chain_count
        uint32_t builtin_count
        uint8_t is_changed
        uint8_t is_recounted
        uint8_t is_consulted
        uint8_t nft_form
        pyiptc_nft *nft

    struct pyiptc_share:
        pyiptc_table *table

    void pyiptc_share_begin(pyiptc_share *share, pyiptc_table *table)
    void pyiptc_share_end(pyiptc_share *share)
    bint pyiptc_table_has_in_block(const pyiptc_table *table, const pyiptc_rule *rule)
    bint pyiptc_chain_is_much(const pyiptc_table *table, const pyiptc_chain *chain)

    struct pyiptc_blob_error:
        uint32_t offset
        const char *reason

    void pyiptc_table_free(pyiptc_table *table)
    pyiptc_chain *pyiptc_table_find_chain(const pyiptc_table *table, const char *name)
    int pyiptc_table_create_chain(pyiptc_table *table, const char *name, pyiptc_chain **chain)
    int pyiptc_table_delete_chain(pyiptc_table *table, pyiptc_chain *chain)
    int pyiptc_table_rename_chain(pyiptc_table *table, pyiptc_chain *chain, const char *name)
    void pyiptc_table_flush_chain(pyiptc_table *table, pyiptc_chain *chain)
    int pyiptc_table_set_policy(pyiptc_table *table, pyiptc_chain *chain, const char *policy,
                                const xt_counters *counters)
    void pyiptc_table_zero_chain(pyiptc_table *table, pyiptc_chain *chain, bint with_policy)
    void pyiptc_table_put_back(pyiptc_table *table, pyiptc_table *now)
    pyiptc_rule *pyiptc_chain_rule(const pyiptc_chain *chain, uint32_t index)
    int pyiptc_table_insert(pyiptc_table *table, pyiptc_chain *chain, uint32_t index,
                            const unsigned char *entry, uint32_t size, pyiptc_rule_kind kind,
                            pyiptc_chain *jump)
    int pyiptc_table_append(pyiptc_table *table, pyiptc_chain *chain,
                            const unsigned char *entry, uint32_t size, pyiptc_rule_kind kind,
                            pyiptc_chain *jump)
    struct pyiptc_variants:
        const unsigned char *values
        uint32_t count
        uint32_t step
        uint32_t at
        uint32_t width
        uint32_t mask_at

    int pyiptc_table_append_variants(pyiptc_table *table, pyiptc_chain *chain,
                                     const pyiptc_rule *model, const pyiptc_variants *variants)
    int pyiptc_table_reserve(pyiptc_table *table, uint64_t size)
    int pyiptc_table_replace(pyiptc_table *table, pyiptc_chain *chain, uint32_t index,
                             const unsigned char *entry, uint32_t size, pyiptc_rule_kind kind,
                             pyiptc_chain *jump)
    int pyiptc_table_delete(pyiptc_table *table, pyiptc_chain *chain, uint32_t index)
    uint32_t pyiptc_chain_difference(const pyiptc_family *family, const pyiptc_chain *a,
                                     const pyiptc_chain *b, uint32_t index)
    bint pyiptc_table_is_as_read(const pyiptc_table *a, const pyiptc_table *b)
    int pyiptc_table_as_read(const pyiptc_table *table, pyiptc_table **out)
    int64_t pyiptc_chain_find(const pyiptc_family *family, const pyiptc_chain *chain,
                              uint32_t index, const unsigned char *entry,
                              const unsigned char *mask, uint32_t size, pyiptc_rule_kind kind,
                              const pyiptc_chain *jump)
    int64_t pyiptc_chain_seek(const pyiptc_family *family, pyiptc_chain *chain,
                              const unsigned char *entry, const unsigned char *mask,
                              uint32_t size, pyiptc_rule_kind kind, const pyiptc_chain *jump,
                              uint32_t wanted, uint32_t *count)
    const char *pyiptc_entry_check(const pyiptc_family *family, const unsigned char *entry,
                                   uint32_t size, uint32_t *offset)

    enum:
        PYIPTC_TEXT_MAX
        PYIPTC_PRINTED_COUNT

    char *pyiptc_word_print(const char *word, size_t size, char *at)
    char *pyiptc_counters_print(const xt_counters *counters, char *at)
    char *pyiptc_verdict_print(int verdict, char *at)
    char *pyiptc_network_print(const pyiptc_family *family, const unsigned char *address,
                               const unsigned char *mask, bint dotted, char *at)
    char *pyiptc_interface_print(const unsigned char *name, const unsigned char *mask, char *at)
    char *pyiptc_header_print(const pyiptc_family *family, const unsigned char *header,
                              const char *protocol, char *at)
    bint pyiptc_header_is_goto(const pyiptc_family *family, const unsigned char *header)
    int pyiptc_payload_printer(pyiptc_kind kind, const unsigned char *payload, size_t size)
    char *pyiptc_payload_print(int printer, const unsigned char *payload, char *at)

    struct pyiptc_error:
        const char *table
        int number
        const char *operation
        pyiptc_blob_error blob
        char text[256]
        char place[448]

    struct pyiptc_part:
        const char *name
        int first
        int count

    int PYIPTC_PLAIN_MAX

    struct pyiptc_plain:
        unsigned char header[168]
        pyiptc_part parts[32]
        uint32_t part_count
        const char *jump
        int jump_first
        int jump_count
        bint is_goto

    bint pyiptc_plain_rule(const pyiptc_family *family, int argc, char **argv, pyiptc_plain *rule)
    uint32_t pyiptc_plain_match(const pyiptc_family *family, const unsigned char *header,
                                const char *name, int argc, char **argv, unsigned char *payload)

    struct pyiptc_instance:
        pass

    struct pyiptc_handle:
        const char *name
        int (*read)(int fd, pyiptc_instance *instance, const pyiptc_family *family,
                    const char *table, pyiptc_table **out, pyiptc_error *error) noexcept nogil
        int (*commit)(int fd, pyiptc_instance *instance, pyiptc_table *table,
                      pyiptc_error *error) noexcept nogil
        int (*is_current)(pyiptc_table *table, pyiptc_error *error) noexcept nogil
        int (*load)(pyiptc_table *table, const char *chain, pyiptc_error *error) noexcept nogil
        int (*take_counters)(pyiptc_table *table, const char *chain,
                             pyiptc_error *error) noexcept nogil
        int (*commit_all)(pyiptc_table **tables, size_t count,
                          pyiptc_error *error) noexcept nogil

    const pyiptc_handle pyiptc_handle_legacy
    const pyiptc_handle pyiptc_handle_libiptc
    const pyiptc_handle pyiptc_handle_nft

    int pyiptc_instance_open(unsigned int nfproto, const char *inner, const char *libxtables,
                             const char *libdir, int single, pyiptc_instance **instance,
                             char *error, size_t error_size)
    int pyiptc_instance_set_libiptc(pyiptc_instance *instance, const char *path)
    int pyiptc_find(pyiptc_instance *instance, pyiptc_kind kind, const char *name,
                    pyiptc_extension *extension, pyiptc_reply *reply)
    int pyiptc_options(pyiptc_instance *instance, pyiptc_kind kind, const char *name,
                       pyiptc_reply *reply)
    int pyiptc_parse(pyiptc_instance *instance, pyiptc_kind kind, const char *name,
                     const void *header, size_t header_size, int argc, char **argv,
                     unsigned int flags, pyiptc_reply *reply)
    int pyiptc_parse_rule(pyiptc_instance *instance, int resolve, int argc, char **argv,
                          const pyiptc_chains *chains, pyiptc_reply *reply)
    int pyiptc_save(pyiptc_instance *instance, pyiptc_kind kind, const void *header,
                    size_t header_size, const void *payload, size_t payload_size,
                    pyiptc_reply *reply)
    int pyiptc_protocol_name(pyiptc_instance *instance, unsigned int number, pyiptc_reply *reply)
    int pyiptc_protocol_number(pyiptc_instance *instance, const char *name, unsigned int *number,
                               pyiptc_reply *reply)
    void pyiptc_instance_prefer_nft(pyiptc_instance *instance)
    void pyiptc_reply_free(pyiptc_reply *reply)
    int pyiptc_instance_has_namespaces()

    enum:
        PYIPTC_NFT_PORTABLE
        PYIPTC_NFT_NATIVE_1_8_9
        PYIPTC_NFT_NATIVE_1_8_11
        PYIPTC_NFT_FORMS
        PYIPTC_NFT_UNCOUNTED
        PYIPTC_NFT_COMMENTED

    ctypedef int pyiptc_nft_form "enum pyiptc_nft_form"

    struct pyiptc_nft_buffer:
        unsigned char *data
        size_t size
        size_t capacity

    struct pyiptc_nft_compat:
        uint32_t protocol
        uint32_t flags

    struct pyiptc_nft_rule:
        pyiptc_rule_kind kind
        unsigned int flags
        char jump[29]
        pyiptc_nft_compat compat

    void pyiptc_nft_buffer_free(pyiptc_nft_buffer *buffer)
    int pyiptc_nft_encode(const pyiptc_family *family, const unsigned char *entry, uint32_t size,
                          pyiptc_rule_kind kind, const char *jump, pyiptc_nft_form form,
                          pyiptc_nft_buffer *out, pyiptc_nft_compat *compat, const char **reason)
    int pyiptc_nft_decode(const pyiptc_family *family, const unsigned char *expressions,
                          size_t size, const unsigned char *userdata, size_t userdata_size,
                          pyiptc_nft_buffer *entry, pyiptc_nft_rule *rule, const char **reason)
    size_t pyiptc_nft_names(const unsigned char *expressions, size_t size, char *text,
                            size_t text_size)
    size_t pyiptc_nft_jump(const unsigned char *expressions, size_t size, const char **chain)
