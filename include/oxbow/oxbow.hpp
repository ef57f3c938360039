// The whole C++ API of Oxbow.
#pragma once

#include <oxbow/amend.h>
#include <oxbow/error.h>
#include <oxbow/image.h>
#include <oxbow/info.h>
#include <oxbow/jobs.h>
#include <oxbow/options.h>
