/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "refuse-program.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <sys/socket.h>

#include "bpf-code.h"
#include "cleanup.h"
#include "refusal-table.h"

/* Where a step may lead to, besides the next one. */
enum { NEXT, LEARNT, RANGES, PORTS, DENY, PASS };

/* What stays in the registers that a call leaves alone: the table, and the address; LOW is what is open there afterwards. */
enum { TABLE = 7, HIGH, LOW };

typedef struct Hook {
        enum bpf_attach_type type;
        RefusalWay way;
        bool ipv6;
} Hook;

static const Hook hooks[REFUSE_PROGRAMS] = {
        { BPF_CGROUP_INET4_CONNECT, REFUSAL_TCP, false },
        { BPF_CGROUP_INET6_CONNECT, REFUSAL_TCP, true },
        { BPF_CGROUP_UDP4_SENDMSG, REFUSAL_UDP, false },
        { BPF_CGROUP_UDP6_SENDMSG, REFUSAL_UDP, true },
};

#define FIELD(name) offsetof(struct bpf_sock_addr, name)
#define IN_TABLE(name) offsetof(RefusalTable, name)
#define OF_PLACE(name) offsetof(RefusalPlace, name)
#define PLACE_SHIFT 5
_Static_assert(sizeof(RefusalPlace) == 1 << PLACE_SHIFT, "places are found by a shift");

/* On the stack: the event, and below it the version of the table. */
#define EVENT (-(int)sizeof(RefusalEvent))
#define IN_EVENT(name) (EVENT + (int)offsetof(RefusalEvent, name))
#define VERSION (EVENT - 8)
_Static_assert(sizeof(RefusalEvent) % 8 == 0, "the stack is aligned");

/* Streams only, of what connects; the resolver; a table that does not hold. */
static void begin(BpfCode *p, const Hook *h, int table) {
        const BpfInstruction first[] = { OP(MOVE(CONTEXT, ARG_1)) },
                             streams[] = { OP(LOAD(ARG_2, FIELD(type))),
                                     JUMP(PASS, UNLESS(ARG_2, SOCK_STREAM)) },
                             rest[] = {
                                     OP(LOAD(ARG_2, FIELD(user_port))),
                                     OP(FROM_NETWORK(ARG_2, 16)),
                                     JUMP(PASS, IF(ARG_2, 53)),
                                     OP(STORE_SIZE(BPF_H, IN_EVENT(port), ARG_2)),
                                     OP(VALUE_LOW(TABLE, table)),
                                     OP(MAP_HIGH),
                                     OP(LOAD_FROM(BPF_W, ARG_3, TABLE, IN_TABLE(version))),
                                     JUMP(PASS, IF_BITS(ARG_3, 1)),
                                     OP(STORE(VERSION, ARG_3)),
                                     OP(LOAD_FROM(BPF_W, ARG_3, TABLE, IN_TABLE(holds))),
                                     JUMP(PASS, IF_0(ARG_3)),
                             };
        bpf_code_append(p, first, ELEMENTSOF(first));
        if (h->way == REFUSAL_TCP)
                bpf_code_append(p, streams, ELEMENTSOF(streams));
        bpf_code_append(p, rest, ELEMENTSOF(rest));
}

/* The address as it is goes into the event, and as two numbers into registers. */
static void load_ipv4(BpfCode *p) {
        const uint64_t mapped = UINT64_C(0xffff) << 32;
        const BpfInstruction list[] = {
                OP(LOAD(LOW, FIELD(user_ip4))),
                OP(STORE_NUMBER(BPF_DW, IN_EVENT(address), 0)),
                OP(STORE_NUMBER(BPF_W, IN_EVENT(address) + 8, htonl(0xffff))),
                OP(STORE(IN_EVENT(address) + 12, LOW)),
                OP(FROM_NETWORK(LOW, 32)),
                OP(LONG_LOW(ARG_2, mapped)),
                OP(LONG_HIGH(mapped)),
                OP(MATH_OF(BPF_OR, LOW, ARG_2)),
                OP(SET(HIGH, 0)),
        };
        bpf_code_append(p, list, ELEMENTSOF(list));
}

static void load_ipv6(BpfCode *p) {
        for (unsigned half = 0; half < 2; half++) {
                const unsigned word = 2 * half, reg = half == 0 ? HIGH : LOW;
                const BpfInstruction list[] = {
                        OP(LOAD(reg, FIELD(user_ip6) + word * 4)),
                        OP(STORE(IN_EVENT(address) + word * 4, reg)),
                        OP(FROM_NETWORK(reg, 32)),
                        OP(MATH(BPF_LSH, reg, 32)),
                        OP(LOAD(ARG_2, FIELD(user_ip6) + word * 4 + 4)),
                        OP(STORE(IN_EVENT(address) + word * 4 + 4, ARG_2)),
                        OP(FROM_NETWORK(ARG_2, 32)),
                        OP(MATH_OF(BPF_OR, reg, ARG_2)),
                };
                bpf_code_append(p, list, ELEMENTSOF(list));
        }
}

/* Among those that were handed out. */
static void look_among_learnt(BpfCode *p, const Hook *h) {
        const BpfInstruction hash[] = {
                OP(MOVE(ARG_2, HIGH)),
                OP(MATH_OF(BPF_XOR, ARG_2, LOW)),
                OP(LONG_LOW(ARG_3, REFUSAL_HASH)),
                OP(LONG_HIGH(REFUSAL_HASH)),
                OP(MATH_OF(BPF_MUL, ARG_2, ARG_3)),
                OP(MATH(BPF_RSH, ARG_2, 64 - REFUSAL_LEARNT_BITS)),
        };
        bpf_code_append(p, hash, ELEMENTSOF(hash));
        for (unsigned i = 0; i < REFUSAL_PROBES; i++) {
                const BpfInstruction probe[] = {
                        OP(MOVE(ARG_3, ARG_2)),
                        OP(ADD(ARG_3, i)),
                        OP(MATH(BPF_AND, ARG_3, REFUSAL_LEARNT - 1)),
                        OP(MATH(BPF_LSH, ARG_3, PLACE_SHIFT)),
                        OP(MOVE(ARG_4, TABLE)),
                        OP(MATH_OF(BPF_ADD, ARG_4, ARG_3)),
                        OP(LOAD_FROM(BPF_DW, ARG_5, ARG_4, IN_TABLE(learnt) + OF_PLACE(address))),
                        OP(IF_OF(BPF_JNE, ARG_5, HIGH), .off = 2), /* the next probe */
                        OP(LOAD_FROM(BPF_DW, ARG_5, ARG_4, IN_TABLE(learnt) + OF_PLACE(address) + 8)),
                        JUMP(LEARNT, IF_OF(BPF_JEQ, ARG_5, LOW)),
                };
                bpf_code_append(p, probe, ELEMENTSOF(probe));
        }
        const BpfInstruction found[] = {
                JUMP(RANGES, ALWAYS),
                AT(LEARNT, LOAD_FROM(BPF_DW, LOW, ARG_4, IN_TABLE(learnt) + OF_PLACE(open) + h->way * 8)),
                JUMP(PORTS, ALWAYS),
        };
        bpf_code_append(p, found, ELEMENTSOF(found));
}

/* Both searches halve what is left of n places, in ARG_5. They begin at 0, which the verifier is not to know: to it all ways to a step are then
 * alike, and it looks at each step once. */
static void begin_search(BpfCode *p, int label, unsigned n) {
        const BpfInstruction list[] = {
                AT(label, LOAD_FROM(BPF_W, ARG_5, TABLE, IN_TABLE(zero))),
                OP(MATH(BPF_AND, ARG_5, n - 1)),
        };
        bpf_code_append(p, list, ELEMENTSOF(list));
}

/* That many places further on, in ARG_3, and in ARG_4 where that is in the table, but for what comes before the first of them. */
static void look_further(BpfCode *p, unsigned step, unsigned n, unsigned shift) {
        const BpfInstruction list[] = {
                OP(MOVE(ARG_3, ARG_5)),
                OP(ADD(ARG_3, step)),
                OP(MATH(BPF_AND, ARG_3, n - 1)),
                OP(MOVE(RESULT, ARG_3)),
                OP(MATH(BPF_LSH, RESULT, shift)),
                OP(MOVE(ARG_4, TABLE)),
                OP(MATH_OF(BPF_ADD, ARG_4, RESULT)),
        };
        bpf_code_append(p, list, ELEMENTSOF(list));
}

/* The last range that does not begin behind the address. */
static void look_among_ranges(BpfCode *p, const Hook *h) {
        begin_search(p, RANGES, REFUSAL_RANGES);
        for (unsigned step = REFUSAL_RANGES / 2; step > 0; step /= 2) {
                look_further(p, step, REFUSAL_RANGES, PLACE_SHIFT);
                const BpfInstruction list[] = {
                        OP(LOAD_FROM(BPF_DW, RESULT, ARG_4, IN_TABLE(ranges) + OF_PLACE(address))),
                        OP(IF_OF(BPF_JGT, RESULT, HIGH), .off = 4), /* to the next step */
                        OP(IF_OF(BPF_JLT, RESULT, HIGH), .off = 2), /* to the end of this one */
                        OP(LOAD_FROM(BPF_DW, RESULT, ARG_4, IN_TABLE(ranges) + OF_PLACE(address) + 8)),
                        OP(IF_OF(BPF_JGT, RESULT, LOW), .off = 1),
                        OP(MOVE(ARG_5, ARG_3)),
                };
                bpf_code_append(p, list, ELEMENTSOF(list));
        }
        const BpfInstruction last[] = {
                OP(MATH(BPF_LSH, ARG_5, PLACE_SHIFT)),
                OP(MOVE(ARG_4, TABLE)),
                OP(MATH_OF(BPF_ADD, ARG_4, ARG_5)),
                OP(LOAD_FROM(BPF_DW, LOW, ARG_4, IN_TABLE(ranges) + OF_PLACE(open) + h->way * 8)),
        };
        bpf_code_append(p, last, ELEMENTSOF(last));
}

/* The bit of the last stretch that does not begin behind the port. */
static void look_at_port(BpfCode *p, const Hook *h) {
        const size_t ports = IN_TABLE(ports) + h->way * sizeof(uint32_t) * REFUSAL_STRETCHES;
        const BpfInstruction port[] = { OP(LOAD_FROM(BPF_H, ARG_2, STACK, IN_EVENT(port))) };
        begin_search(p, PORTS, REFUSAL_STRETCHES);
        bpf_code_append(p, port, ELEMENTSOF(port));
        for (unsigned step = REFUSAL_STRETCHES / 2; step > 0; step /= 2) {
                look_further(p, step, REFUSAL_STRETCHES, 2);
                const BpfInstruction list[] = {
                        OP(LOAD_FROM(BPF_W, RESULT, ARG_4, ports)),
                        OP(IF_OF(BPF_JGT, RESULT, ARG_2), .off = 1), /* to the next step */
                        OP(MOVE(ARG_5, ARG_3)),
                };
                bpf_code_append(p, list, ELEMENTSOF(list));
        }
        const BpfInstruction last[] = {
                OP(MATH_OF(BPF_RSH, LOW, ARG_5)),
                JUMP(PASS, IF_BITS(LOW, 1)),
        };
        bpf_code_append(p, last, ELEMENTSOF(last));
}

/* Told, or counted where there is no room. */
static void refuse(BpfCode *p, const Hook *h, int ring, bool says_why) {
        const BpfInstruction list[] = {
                OP(LOAD_FROM(BPF_W, ARG_2, STACK, VERSION)),
                OP(LOAD_FROM(BPF_W, ARG_3, TABLE, IN_TABLE(version))),
                JUMP(PASS, IF_OF(BPF_JNE, ARG_2, ARG_3)),
                OP(CALL(BPF_FUNC_get_current_pid_tgid)),
                OP(MATH(BPF_RSH, RESULT, 32)),
                OP(STORE(IN_EVENT(pid), RESULT)),
                OP(STORE_NUMBER(BPF_B, IN_EVENT(protocol),
                                h->way == REFUSAL_TCP ? IPPROTO_TCP : IPPROTO_UDP)),
                OP(STORE_NUMBER(BPF_B, IN_EVENT(reserved), 0)),
                OP(MOVE(ARG_1, STACK)),
                OP(ADD(ARG_1, IN_EVENT(program))),
                OP(SET(ARG_2, sizeof(((RefusalEvent *)NULL)->program))),
                OP(CALL(BPF_FUNC_get_current_comm)),
                OP(MAP_LOW(ARG_1, ring)),
                OP(MAP_HIGH),
                OP(MOVE(ARG_2, STACK)),
                OP(ADD(ARG_2, EVENT)),
                OP(SET(ARG_3, sizeof(RefusalEvent))),
                OP(SET(ARG_4, 0)),
                OP(CALL(BPF_FUNC_ringbuf_output)),
                JUMP(DENY, IF_0(RESULT)),
                OP(SET(ARG_1, 1)),
                OP(.code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = TABLE, .src_reg = ARG_1,
                                .off = IN_TABLE(lost), .imm = BPF_ADD),
        };
        const BpfInstruction why[] = { AT(DENY, SET(ARG_1, -EACCES)), OP(CALL(BPF_FUNC_set_retval)),
                OP(SET(RESULT, 0)) },
                             no_more[] = { AT(DENY, SET(RESULT, 0)) },
                             end[] = { OP(EXIT), AT(PASS, SET(RESULT, 1)), OP(EXIT) };
        bpf_code_append(p, list, ELEMENTSOF(list));
        if (says_why)
                bpf_code_append(p, why, ELEMENTSOF(why));
        else
                bpf_code_append(p, no_more, ELEMENTSOF(no_more));
        bpf_code_append(p, end, ELEMENTSOF(end));
}

static int load(const Hook *h, int table, int ring, bool says_why) {
        BpfCode p = { .n = 0 };
        begin(&p, h, table);
        if (h->ipv6)
                load_ipv6(&p);
        else
                load_ipv4(&p);
        look_among_learnt(&p, h);
        look_among_ranges(&p, h);
        look_at_port(&p, h);
        refuse(&p, h, ring, says_why);
        union bpf_attr attr = {
                .prog_type = BPF_PROG_TYPE_CGROUP_SOCK_ADDR,
                .expected_attach_type = h->type,
                .prog_name = "mxc_refuse",
        };
        return bpf_code_load(&p, &attr);
}

int refuse_programs_load(int table, int ring, int ret[static REFUSE_PROGRAMS]) {
        for (size_t i = 0; i < REFUSE_PROGRAMS; i++) {
                ret[i] = load(&hooks[i], table, ring, true);
                if (ret[i] == -EINVAL || ret[i] == -EACCES) /* bpf_set_retval() came with 5.18 */
                        ret[i] = load(&hooks[i], table, ring, false);
                if (ret[i] >= 0)
                        continue;
                const int r = ret[i];
                while (i > 0)
                        cleanup_closep(&ret[--i]);
                return r;
        }
        return 0;
}

int refuse_programs_attach(const int programs[static REFUSE_PROGRAMS], int cgroup) {
        for (size_t i = 0; i < REFUSE_PROGRAMS; i++) {
                union bpf_attr attr = {
                        .target_fd = (uint32_t)cgroup,
                        .attach_bpf_fd = (uint32_t)programs[i],
                        .attach_type = hooks[i].type,
                        .attach_flags = BPF_F_ALLOW_MULTI,
                };
                int r = bpf_call(BPF_PROG_ATTACH, &attr);
                if (r < 0)
                        return r;
        }
        return 0;
}
