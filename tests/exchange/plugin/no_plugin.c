/* A library that is no plugin. */
int epsim_nothing(void);
int epsim_nothing(void) {
    return 0;
}
