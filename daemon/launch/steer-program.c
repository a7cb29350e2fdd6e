/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "steer-program.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "bpf-code.h"
#include "cleanup.h"
#include "egress-net.h"

/* Where a step may lead to, besides the next one. */
enum { NEXT, TCP, ADDRESS, IPV6, OWN_V6, STEER, PASS, DROP };

/* What stays in the registers that a call leaves alone. */
enum { SOCKET = 7, VERDICT, WHERE };

#define FIELD(name) offsetof(struct bpf_sk_lookup, name)
#define WORD(n) (FIELD(local_ip6) + (n) * sizeof(uint32_t))
#define KEY (-(int)sizeof(uint32_t)) /* on the stack */

/* Port 53 is the resolver at every address, where datagrams come by themselves; other ports of the own address and of 127.0.0.0/8 are for
 * servers in the sandbox. That is also where answers to datagrams go, which are looked up as well. */
static void begin(BpfCode *p) {
        struct in_addr own;
        (void)inet_pton(AF_INET, EGRESS_OWN_V4, &own); /* it is one, and tested */
        const BpfInstruction list[] = {
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
        bpf_code_append(p, list, ELEMENTSOF(list));
}

/* The same of IPv6: its own address and ::1. */
static void look_at_ipv6(BpfCode *p) {
        uint32_t own[4];
        (void)inet_pton(AF_INET6, EGRESS_OWN_V6, own);
        const BpfInstruction list[] = {
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
        bpf_code_append(p, list, ELEMENTSOF(list));
}

/* To the socket of that number in the map, where it is until it is closed. PASS: to whom it would go without this; DROP: to nobody. */
static void end(BpfCode *p, int map) {
        const BpfInstruction list[] = {
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
        bpf_code_append(p, list, ELEMENTSOF(list));
}

int steer_program_load(int map) {
        BpfCode p = { .n = 0 };
        begin(&p);
        look_at_ipv6(&p);
        end(&p, map);
        union bpf_attr attr = {
                .prog_type = BPF_PROG_TYPE_SK_LOOKUP,
                .expected_attach_type = BPF_SK_LOOKUP,
                .prog_name = "mxc_steer",
        };
        return bpf_code_load(&p, &attr);
}
