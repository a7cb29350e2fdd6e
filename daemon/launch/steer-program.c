/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Written out, and loaded by bare bpf(2): a library takes 14 ms for this, and this takes 0.2. */

#include "steer-program.h"

#include <arpa/inet.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "cleanup.h"
#include "egress-net.h"

/* Where a step may lead to, besides the next one. */
typedef enum Label { NEXT, TCP, ADDRESS, IPV6, OWN_V6, STEER, PASS, DROP, _LABEL_MAX } Label;

typedef struct Instruction {
        struct bpf_insn code;
        Label to;   /* of a jump */
        Label here; /* where jumps lead */
} Instruction;

#define INSTRUCTIONS_MAX 64

typedef struct Program {
        Instruction list[INSTRUCTIONS_MAX];
        size_t n;
} Program;

/* Registers: bpf(2)'s calling convention. */
enum { RESULT, ARG_1, ARG_2, ARG_3, CONTEXT = 6, SOCKET, VERDICT, WHERE, STACK = 10 };

#define OP(...)                                                                                             \
        {                                                                                                   \
                .code = { __VA_ARGS__ }                                                                     \
        }
#define AT(label, ...)                                                                                      \
        { .code = { __VA_ARGS__ }, .here = (label) }
#define JUMP(label, ...)                                                                                    \
        { .code = { __VA_ARGS__ }, .to = (label) }

#define LOAD(reg, field)                                                                                    \
        .code = BPF_LDX | BPF_MEM | BPF_W, .dst_reg = (reg), .src_reg = CONTEXT, .off = (field)
#define STORE(place, from)                                                                                  \
        .code = BPF_STX | BPF_MEM | BPF_W, .dst_reg = STACK, .src_reg = (from), .off = (place)
#define MOVE(reg, from) .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = (reg), .src_reg = (from)
#define SET(reg, value) .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = (reg), .imm = (value)
#define ADD(reg, value) .code = BPF_ALU64 | BPF_ADD | BPF_K, .dst_reg = (reg), .imm = (value)
#define AND(reg, value) .code = BPF_ALU | BPF_AND | BPF_K, .dst_reg = (reg), .imm = (int32_t)(value)
#define MAP_LOW(reg, fd)                                                                                    \
        .code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = (reg), .src_reg = BPF_PSEUDO_MAP_FD, .imm = (fd)
#define MAP_HIGH .code = 0
#define CALL(function) .code = BPF_JMP | BPF_CALL, .imm = (function)
#define EXIT .code = BPF_JMP | BPF_EXIT
#define ALWAYS .code = BPF_JMP | BPF_JA
#define IF_0(reg) .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = (reg)
#define UNLESS_0(reg) .code = BPF_JMP | BPF_JNE | BPF_K, .dst_reg = (reg)
/* of 32 bits: a constant that looks negative is not */
#define IF(reg, value) .code = BPF_JMP32 | BPF_JEQ | BPF_K, .dst_reg = (reg), .imm = (int32_t)(value)
#define UNLESS(reg, value) .code = BPF_JMP32 | BPF_JNE | BPF_K, .dst_reg = (reg), .imm = (int32_t)(value)

#define FIELD(name) offsetof(struct bpf_sk_lookup, name)
#define WORD(n) (FIELD(local_ip6) + (n) * sizeof(uint32_t))
#define KEY (-(int)sizeof(uint32_t)) /* on the stack */

static void append(Program *p, const Instruction *list, size_t n) {
        for (size_t i = 0; i < n && p->n < INSTRUCTIONS_MAX; i++)
                p->list[p->n++] = list[i];
}

/* Port 53 is the resolver at every address, where datagrams come by themselves; other ports of the own address and of 127.0.0.0/8 are for
 * servers in the sandbox. That is also where answers to datagrams go, which are looked up as well. */
static void begin(Program *p) {
        struct in_addr own;
        (void)inet_pton(AF_INET, EGRESS_OWN_V4, &own); /* it is one, and tested */
        const Instruction list[] = {
                OP(MOVE(CONTEXT, ARG_1)),
                OP(SET(WHERE, STEER_TO_TCP)),
                OP(LOAD(ARG_2, FIELD(protocol))),
                JUMP(TCP, IF(ARG_2, IPPROTO_TCP)),
                JUMP(PASS, UNLESS(ARG_2, IPPROTO_UDP)),
                OP(SET(WHERE, STEER_TO_DATAGRAMS)),
                OP(LOAD(ARG_2, FIELD(local_port))), /* the one that was dialled */
                JUMP(PASS, IF(ARG_2, STEER_PORT_DOMAIN)),
                JUMP(ADDRESS, ALWAYS),
                AT(TCP, LOAD(ARG_2, FIELD(local_port))),
                JUMP(STEER, IF(ARG_2, STEER_PORT_DOMAIN)),
                AT(ADDRESS, LOAD(ARG_2, FIELD(family))),
                JUMP(IPV6, IF(ARG_2, AF_INET6)),
                OP(LOAD(ARG_2, FIELD(local_ip4))),
                JUMP(PASS, IF(ARG_2, own.s_addr)),
                OP(AND(ARG_2, htonl(IN_CLASSA_NET))),
                JUMP(PASS, IF(ARG_2, htonl(INADDR_LOOPBACK & IN_CLASSA_NET))),
                JUMP(STEER, ALWAYS),
        };
        append(p, list, ELEMENTSOF(list));
}

/* The same of IPv6: its own address and ::1. */
static void look_at_ipv6(Program *p) {
        uint32_t own[4];
        (void)inet_pton(AF_INET6, EGRESS_OWN_V6, own);
        const Instruction list[] = {
                AT(IPV6, LOAD(ARG_2, WORD(0))),
                JUMP(OWN_V6, IF(ARG_2, own[0])),
                JUMP(STEER, UNLESS(ARG_2, 0)),
                OP(LOAD(ARG_2, WORD(1))),
                JUMP(STEER, UNLESS(ARG_2, 0)),
                OP(LOAD(ARG_2, WORD(2))),
                JUMP(STEER, UNLESS(ARG_2, 0)),
                OP(LOAD(ARG_2, WORD(3))),
                JUMP(PASS, IF(ARG_2, htonl(1))),
                JUMP(STEER, ALWAYS),

                AT(OWN_V6, LOAD(ARG_2, WORD(1))),
                JUMP(STEER, UNLESS(ARG_2, own[1])),
                OP(LOAD(ARG_2, WORD(2))),
                JUMP(STEER, UNLESS(ARG_2, own[2])),
                OP(LOAD(ARG_2, WORD(3))),
                JUMP(PASS, IF(ARG_2, own[3])),
        };
        append(p, list, ELEMENTSOF(list));
}

/* To the socket of that number in the map, where it is until it is closed. PASS: to whom it would go without this; DROP: to nobody. */
static void end(Program *p, int map) {
        const Instruction list[] = {
                AT(STEER, STORE(KEY, WHERE)),
                OP(MOVE(ARG_2, STACK)),
                OP(ADD(ARG_2, KEY)),
                OP(MAP_LOW(ARG_1, map)),
                OP(MAP_HIGH),
                OP(CALL(BPF_FUNC_map_lookup_elem)),
                JUMP(DROP, IF_0(RESULT)),
                OP(MOVE(SOCKET, RESULT)),
                OP(MOVE(ARG_1, CONTEXT)),
                OP(MOVE(ARG_2, SOCKET)),
                OP(SET(ARG_3, 0)),
                OP(CALL(BPF_FUNC_sk_assign)),
                OP(MOVE(VERDICT, RESULT)),
                OP(MOVE(ARG_1, SOCKET)),
                OP(CALL(BPF_FUNC_sk_release)), /* the lookup took a reference */
                JUMP(DROP, UNLESS_0(VERDICT)),

                AT(PASS, SET(RESULT, SK_PASS)),
                OP(EXIT),
                AT(DROP, SET(RESULT, SK_DROP)),
                OP(EXIT),
        };
        append(p, list, ELEMENTSOF(list));
}

/* How far each jump goes. */
static void resolve(const Program *p, struct bpf_insn *ret) {
        size_t place[_LABEL_MAX] = { 0 };
        for (size_t i = 0; i < p->n; i++)
                place[p->list[i].here] = i;
        for (size_t i = 0; i < p->n; i++) {
                const Instruction *instruction = &p->list[i];
                ret[i] = instruction->code;
                if (instruction->to != NEXT)
                        ret[i].off = (int16_t)((int)place[instruction->to] - (int)i - 1);
        }
}

int steer_program_load(int map) {
        Program p = { .n = 0 };
        begin(&p);
        look_at_ipv6(&p);
        end(&p, map);
        struct bpf_insn code[INSTRUCTIONS_MAX];
        resolve(&p, code);
        union bpf_attr attr = {
                .prog_type = BPF_PROG_TYPE_SK_LOOKUP,
                .expected_attach_type = BPF_SK_LOOKUP,
                .insns = (uint64_t)(uintptr_t)code,
                .insn_cnt = (uint32_t)p.n,
                .license = (uint64_t)(uintptr_t) "LGPL", /* it calls nothing that is for the GPL alone */
                .prog_name = "mxc_steer",
        };
        int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)); /* close-on-exec: bpf(2) */
        return fd < 0 ? -errno : fd;
}
