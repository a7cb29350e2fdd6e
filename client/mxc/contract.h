/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once
/* The shapes of MXC's configurations, by version: as the released programs have them, one table each. */

#include "mxc-config.h"
#include "shape.h"

/* Of a request; containment is looked at where the phase is MXC_PROVISION: NULL where nothing of that kind is provisioned. */
const Shape *contract_shape(MxcContract contract, MxcPhase phase, MxcContainment containment);

/* The version that a text names, NULL: none. 0, or -EINVAL with *error filled. */
int contract_of(const char *version, MxcContract *ret, bool *ret_since_0_8, MxcError *error);
/* "1.0", of hints. Static. */
const char *contract_line(MxcContract contract);

extern const char *const mxc_containment_words[_MXC_CONTAINMENT_MAX]; /* those of today */
extern const char *const mxc_phase_words[_MXC_PHASE_MAX];
