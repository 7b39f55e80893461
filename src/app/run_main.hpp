#pragma once

namespace epsim {

/// The whole program: parse, run the command, map every exception to the exit table. A rank that
/// fails alone prints "[rank r of n on host] what" and aborts the job.
int run_main(int argc, char** argv);

}  // namespace epsim
