// SPDX-License-Identifier: MIT
#include "mutation.h"

int mutation_now;
