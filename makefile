# Contragrad: gradients through the solvers of a PETSc code. `make help` lists the targets.
#
# PETSC_DIR, PETSC_ARCH, SLEPC_DIR   which PETSc and SLEPc; unset: the ones that pkg-config finds
# CFLAGS, CPPFLAGS, LDFLAGS          taken from the environment or the command line
# CC=, MPIEXEC=                      command line only; default: the compiler of PETSc and its mpiexec
# NP=, ARGS=, TESTS=, PROVE_FLAGS=   number of processes and extra options of `run`; which tests, flags of prove
# prefix=, DESTDIR=, V=1             where to install; print the commands
#
# Objects go to build/<scalar>-<bits of PetscInt>, so that several PETSc flavours can be built side by side.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules
MAKECMDGOALS ?=

PETSC_DIR       ?=
PETSC_ARCH      ?=
SLEPC_DIR       ?=
PKG_CONFIG_PATH ?=
CFLAGS          ?= -O2 -g -Wall -Wextra
CPPFLAGS        ?=
LDFLAGS         ?=
NP              ?= 2
RUN_ARGS        ?= -da_grid_x 320 -da_grid_y 320
ARGS            ?=
TESTS           ?=
PROVE_FLAGS     ?= -j2
DESTDIR         ?=
PAGE            ?=
V               ?=
prefix           = /usr/local
CONTRAGRAD_INSTALLED ?=

# MPI as root, on fewer cores than processes, and in containers that forbid copies between processes
export OMP_NUM_THREADS                           ?= 1
export OMPI_ALLOW_RUN_AS_ROOT                    ?= 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM            ?= 1
export OMPI_MCA_rmaps_base_oversubscribe         ?= 1
export OMPI_MCA_btl_vader_single_copy_mechanism  ?= none
export PRTE_MCA_rmaps_default_mapping_policy     ?= :oversubscribe

goals := $(or $(MAKECMDGOALS),all)
have   = $(shell command -v $(firstword $1) 2>/dev/null)
empty :=
space := $(empty) $(empty)
comma := ,

.PHONY: all examples tests run test hospital gallery bench methods transposes install uninstall clean style help deps

# ------------------------------- Targets that need no PETSc -------------------------------

clean: #: remove build/
	rm -rf build

style: #: check the format of the C files with clang-format
	@command -v clang-format >/dev/null || { echo "make style needs clang-format: apt-get install clang-format" >&2; exit 1; }
	@find include src examples tests -name '*.[ch]' -exec clang-format --dry-run -Werror {} +

help: #: list the targets
	@sed -n 's/^\([a-z]*\):.*#: \(.*\)/\1#\2/p' makefile | while IFS='#' read -r t d; do printf '  %-10s %s\n' "$$t" "$$d"; done

goals := $(filter-out clean style help,$(goals))
ifneq ($(filter clean,$(MAKECMDGOALS)),)
.NOTPARALLEL:
endif
ifneq ($(goals),)

# -------------------------------- Which PETSc, which SLEPc --------------------------------

# pkg-config looks into PETSC_DIR and SLEPC_DIR first; nothing found there is an error
petsc_at := $(if $(PETSC_DIR),$(PETSC_DIR)$(addprefix /,$(PETSC_ARCH)))
slepc_at := $(if $(SLEPC_DIR),$(if $(PETSC_ARCH),$(SLEPC_DIR)/$(PETSC_ARCH)) $(SLEPC_DIR))
petsc_pc := $(wildcard $(addsuffix /lib/pkgconfig/[Pp][Ee][Tt][Ss]c*.pc,$(petsc_at)))
slepc_pc := $(wildcard $(addsuffix /lib/pkgconfig/[Ss][Ll][Ee][Pp]c*.pc,$(slepc_at)))
archs    := $(patsubst $(PETSC_DIR)/%/lib/pkgconfig,%,$(wildcard $(PETSC_DIR)/*/lib/pkgconfig))
absent   := $(or $(if $(PETSC_ARCH),$(if $(PETSC_DIR),,PETSC_ARCH=$(PETSC_ARCH) is set but PETSC_DIR is not)),\
  $(if $(PETSC_DIR),$(if $(petsc_pc),,No PETSc in PETSC_DIR=$(PETSC_DIR) PETSC_ARCH=$(PETSC_ARCH): there is no PETSc.pc in\
    $(petsc_at)/lib/pkgconfig$(if $(archs),. PETSC_ARCH may be one of: $(archs)))),\
  $(if $(SLEPC_DIR),$(if $(slepc_pc),,No SLEPc in SLEPC_DIR=$(SLEPC_DIR) PETSC_ARCH=$(PETSC_ARCH): there is no SLEPc.pc in\
    $(addsuffix /lib/pkgconfig,$(slepc_at)))))
ifneq ($(absent),)
  $(error $(absent))
endif

pc_path  := $(subst $(space),:,$(strip $(addsuffix /lib/pkgconfig,$(slepc_at) $(petsc_at)) $(PKG_CONFIG_PATH)))
pc        = $(shell PKG_CONFIG_PATH=$(pc_path) pkg-config $1 2>/dev/null)
pc_first  = $(firstword $(foreach n,$1,$(if $(call pc,--modversion $n),$n)))
slepc    := $(call pc_first,SLEPc slepc SLEPc64)
petsc    := $(if $(slepc),$(call pc_first,$(firstword $(call pc,--print-requires $(slepc)))),$(call pc_first,PETSc petsc PETSc64))

cc_petsc := $(if $(petsc),$(call pc,--variable=ccompiler $(petsc)))
CC       := $(if $(call have,$(cc_petsc)),$(cc_petsc),mpicc)
MPIEXEC  := $(or $(wildcard $(dir $(firstword $(CC)))mpiexec),mpiexec)

# ------------------------------- Install what is missing ----------------------------------

missing := $(strip $(if $(call have,gcc)$(call have,cc),,gcc libc6-dev) $(if $(call have,pkg-config),,pkg-config) \
  $(if $(call have,$(CC)),,libopenmpi-dev) $(if $(call have,$(MPIEXEC)),,openmpi-bin) \
  $(if $(petsc),,petsc-dev) $(if $(slepc),,slepc-dev) $(if $(filter test deps,$(goals)),$(if $(call have,prove),,perl)) \
  $(if $(filter methods,$(goals)),$(if $(call have,gnuplot),,gnuplot-nox)))

ifneq ($(missing),)

apt := apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $(missing)
ask := Not found: $(missing). On Debian or Ubuntu, run as root:  $(apt)
ifneq ($(PETSC_DIR)$(SLEPC_DIR)$(PKG_CONFIG_PATH)$(CONTRAGRAD_INSTALLED),)
  $(error $(ask))
endif

.PHONY: install-missing
$(goals): install-missing ; @:
install-missing:
	@command -v apt-get >/dev/null || { echo "$(ask)" >&2; exit 1; }; \
	if [ "$$(id -u)" = 0 ]; then as=; elif sudo -n true 2>/dev/null; then as='sudo -n'; else echo "$(ask)" >&2; exit 1; fi; \
	echo "Contragrad: installing the Debian packages $(missing)"; \
	$$as sh -c '$(apt)' || { echo "$(ask)" >&2; exit 1; }
	@$(if $(findstring n,$(firstword -$(MAKEFLAGS))),:,$(MAKE) --no-print-directory CONTRAGRAD_INSTALLED=yes $(goals))

else

# ------------------------- One flavour: scalar type and size of PetscInt ------------------

# The flavour of a petscconf.h: real-32, complex-32, real-64, real-single-32, ...
flavour = $(if $1,$(shell awk '/define PETSC_USE_COMPLEX 1/ {s = "complex"} /define PETSC_USE_REAL_(SINGLE|__FLOAT128|__FP16) / {p = tolower($$2) "-"} \
  /define PETSC_USE_64BIT_INDICES 1/ {b = "64"} BEGIN {s = "real"; b = "32"} END {sub(/petsc_use_real_+/, "", p); print s "-" p b}' $1))
include_dirs = $(patsubst -I%,%,$(filter -I%,$(shell PKG_CONFIG_ALLOW_SYSTEM_CFLAGS=1 PKG_CONFIG_PATH=$(pc_path) pkg-config --cflags-only-I $1)))
first_of     = $(firstword $(wildcard $(addsuffix /$1,$2)))
quoted       = $(shell sed -n 's/^.define $1 "\(.*\)"/\1/p' $2)
minor        = $(subst $(space),.,$(wordlist 1,2,$(subst ., ,$(call pc,--modversion $1))))

petscconf := $(call first_of,petscconf.h,$(call include_dirs,$(petsc)))
slepcconf := $(call first_of,slepcconf.h,$(call include_dirs,$(slepc)))
theirs    := $(if $(slepcconf),$(call quoted,SLEPC_PETSC_DIR,$(slepcconf)))
theirs    := $(call first_of,include/petscconf.h,$(if $(theirs),$(theirs)/$(call quoted,SLEPC_PETSC_ARCH,$(slepcconf)) $(theirs)))
ARCH      := $(call flavour,$(petscconf))
asked     := $(realpath $(if $(petsc),$(call pc,--variable=pcfiledir $(petsc))))
misfit    := $(or $(if $(petscconf),,there is no petscconf.h in $(call include_dirs,$(petsc))),\
  $(if $(PETSC_DIR),$(if $(filter $(realpath $(dir $(petsc_pc))),$(asked)),,SLEPc asks for $(petsc) and finds it in $(asked))),\
  $(if $(filter $(call minor,$(petsc)),$(call minor,$(slepc))),,their versions are $(call minor,$(petsc)) and $(call minor,$(slepc))),\
  $(if $(filter $(ARCH),$(or $(call flavour,$(theirs)),$(ARCH))),,PETSc is $(ARCH) but SLEPc was built for $(call flavour,$(theirs))))
ifneq ($(misfit),)
  $(error PETSc in $(or $(PETSC_DIR),$(dir $(petscconf))) and SLEPc in $(dir $(slepcconf)) do not fit together: $(misfit).\
    Set PETSC_DIR and SLEPC_DIR to a matching pair)
endif

# ----------------------------------- How to compile ---------------------------------------

B          := build/$(ARCH)
version    := $(shell awk '/define CONTRAGRAD_VERSION_/ {v = v s $$3; s = "."} END {print v}' include/contragrad.h)
soname     := libcontragrad.so.$(basename $(version))
pc_cflags  := $(call pc,--cflags $(slepc) $(petsc))
pc_libs    := $(call pc,--libs $(slepc) $(petsc))
pc_libs    += $(patsubst -L%,-Wl$(comma)-rpath$(comma)%,$(filter -L%,$(pc_libs)))
compile     = $(CC) -std=gnu11 -fPIC -fvisibility=hidden $(CFLAGS) $(CPPFLAGS) -Iinclude $(pc_cflags) -MMD -MP
link        = $(CC) $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.o,$^) -L$(B)/lib -lcontragrad -Wl,-rpath,'$$ORIGIN/../lib' $(pc_libs) -lm
Q          := $(if $(V),,@)
say         = @mkdir -p $(@D)$(if $(V),,; echo "  $1 $@")

# The sources of PETSc's tutorials, some of which tests differentiate: where Debian's package puts them, or those of the installation
tutorials  := $(if $(petsc),$(or $(firstword $(patsubst %/snes/tutorials/ex5.c,%,$(wildcard $(addsuffix /snes/tutorials/ex5.c,\
  $(foreach d,$(call pc,--variable=prefix $(petsc)) $(PETSC_DIR),$d/share/petsc/examples/src $d/src))))),\
  /usr/share/petsc/$(call minor,$(petsc))/share/petsc/examples/src))
have_tutorials := $(if $(wildcard $(tutorials)/snes/tutorials/ex5.c),yes,no)

objects     = $(patsubst %.c,$(B)/obj/%.o,$(wildcard $1))
links       = $(foreach l,$(shell sed -n 's/^[ *]*links: *//p' $1),$(if $(filter %.c,$l),$l,$l/*.c))
src        := $(wildcard src/*/*.c src/*/*/*.c)
examples   := $(patsubst examples/%.c,$(B)/examples/%,$(wildcard examples/*.c))
tests      := $(patsubst tests/%.c,$(B)/tests/%,$(wildcard tests/*.c))
bench      := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))
lib        := $(B)/lib/libcontragrad.so

all: $(lib) $(B)/lib/libcontragrad.a #: the library (default)
examples: $(examples) #: the examples
tests: $(tests)

# Rewritten when the compiler, the flags or the PETSc change; everything depends on it. tests/launch reads it
define config
flavour: $(ARCH)
petscconf: $(petscconf)
compile: $(compile)
link: $(LDFLAGS) $(pc_libs)
endef
write_config = $(shell mkdir -p $(B))$(file >$(B)/config,$(config))
ifneq ($(file <$(B)/config),$(config))
  $(write_config)
endif
$(B)/config: ; @:$(write_config)

# Debian keeps the tutorials in a package of their own; the tests that want one are skipped without it
ifneq ($(file <$(B)/tutorials),$(have_tutorials))
  $(shell mkdir -p $(B))$(file >$(B)/tutorials,$(have_tutorials))
endif
.PHONY: tutorials
tutorials:
	@if [ $(have_tutorials) = no ] && [ "$(findstring /usr/lib/petscdir,$(petscconf))" ] && command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "Contragrad: installing the Debian package libpetsc$(call minor,$(petsc))-dev-examples"; \
	  { apt-get update -q && apt-get install -y -q --no-install-recommends libpetsc$(call minor,$(petsc))-dev-examples; } || true; fi
$(B)/tutorials: ;

# The code of docs/embedding.md and docs/optimization.md, from each block after a line <!-- snippet NAME --> into NAME.inc; tests/embedding_X.c include it
$(B)/snippets/made: docs/embedding.md docs/optimization.md
	@mkdir -p $(@D)
	$(Q)awk '/^<!-- snippet / {f = "$(@D)/" $$3 ".inc"; next} f && /^```c/ {p = 1; printf "" >f; next} p && /^```/ {p = 0; close(f); f = ""; next} p {print >f}' $^ && touch $@
$(B)/obj/tests/embedding_%.o: extra := -I$(B)/snippets -Wno-unused-parameter
$(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/embedding_*.c)): $(B)/snippets/made

$(B)/obj/tests/tutorial_%.o: extra := -isystem $(tutorials)
$(patsubst %.c,$(B)/obj/%.o,$(wildcard tests/tutorial_*.c)): $(B)/tutorials | tutorials

$(B)/obj/%.o: %.c $(B)/config
	$(call say,CC)
	$(Q)$(compile) $(extra) -c $< -o $@

$(B)/lib/$(soname): $(call objects,$(src))
	$(call say,LD)
	$(Q)$(CC) -shared $(CFLAGS) $(LDFLAGS) -Wl,-soname,$(soname) -Wl,--no-undefined -o $@ $^ $(pc_libs) -lm

$(lib): $(B)/lib/$(soname)
	$(Q)ln -sf $(soname) $@

$(B)/lib/libcontragrad.a: $(call objects,$(src))
	$(call say,AR)
	$(Q)rm -f $@ && ar rcs $@ $^

# An example may have further sources in a folder of its name, a test names further sources, or folders of them, in a line `links:`
$(examples): $(B)/examples/%: $$(call objects,examples/$$*.c examples/$$*/*.c) $(lib)
	$(call say,LD)
	$(Q)$(link)

$(tests): $(B)/tests/%: $$(call objects,tests/$$*.c $$(call links,tests/$$*.c)) $(lib)
	$(call say,LD)
	$(Q)$(link)

$(bench): $(B)/bench/%: $$(call objects,tests/bench/$$*.c $$(call links,tests/bench/$$*.c)) $(lib)
	$(call say,LD)
	$(Q)$(link)

-include $(wildcard $(B)/obj/*/*.d $(B)/obj/*/*/*.d $(B)/obj/*/*/*/*.d)

# ------------------------------------ What to run -----------------------------------------

# Tests are programs tests/X.c, scripts tests/X.t, and the examples that say how with a line `nsize:`
chosen = $(or $(patsubst %,$(B)/tests/%,$(basename $(notdir $(wildcard tests/$1.c)))),$(wildcard tests/$1.t),\
  $(patsubst %,$(B)/examples/%,$(basename $(notdir $(wildcard examples/$1.c)))),$(error There is no test $1))
suite  = $(if $(TESTS),$(foreach t,$(TESTS),$(call chosen,$t)),$(tests) $(wildcard tests/*.t)\
  $(patsubst examples/%.c,$(B)/examples/%,$(shell grep -l '^[ *]*nsize:' $(wildcard examples/*.c) /dev/null)))

run: $(B)/examples/groundwater #: solve the flagship problem; NP=2 processes, ARGS= more options
	$(MPIEXEC) -n $(NP) $< $(RUN_ARGS) $(ARGS)

test: $(lib) $(examples) $(tests) #: build and run the tests; TESTS="a b" selects
	$(Q)MPIEXEC=$(MPIEXEC) BUILD=$(B) MAKEFLAGS= prove $(PROVE_FLAGS) --exec tests/launch $(suite)

hospital: $(B)/tests/hospital #: run the catalogue of sick and healthy problems and print its table
	$(Q)status=0; for n in 1 2 4; do $(MPIEXEC) -n $$n $< -hospital_table >$(B)/hospital.tap || status=1; \
	sed -n '/^# rank/!s/^# //p' $(B)/hospital.tap; done; exit $$status

bench: $(lib) $(examples) $(bench) #: run the benchmarks
	$(if $(wildcard tests/bench/run.sh),MPIEXEC=$(MPIEXEC) sh tests/bench/run.sh $(B))

methods: $(lib) $(B)/bench/methods #: measure the methods against each other, for docs/methods.md
	MPIEXEC=$(MPIEXEC) sh tests/bench/methods.sh $(B) docs/methods
	MPIEXEC=$(MPIEXEC) sh tests/bench/memory.sh $(B) docs/methods
	gnuplot -e "csv='docs/methods/methods.csv'; png='docs/methods/methods.png'" docs/methods/plot.gp
	sh docs/methods/table.sh docs/methods/methods.csv docs/methods/memory.csv docs/methods.md

transposes: $(lib) $(B)/bench/transposes #: measure which preconditioner serves the adjoint, for docs/embedding/transposes.md
	MPIEXEC=$(MPIEXEC) sh tests/bench/transposes.sh $(B) docs/embedding/transposes.md

gallery: $(lib) $(examples) #: run the programs of the gallery and print what they check; PAGE=docs/gallery.md writes it there
	MPIEXEC=$(MPIEXEC) tests/gallery $(B) $(PAGE)

deps: #: install the Debian packages that are missing
	@echo "Nothing is missing: PETSc $(call minor,$(petsc)) in $(dir $(petscconf))"

# ------------------------------------- Install --------------------------------------------

to       = $(DESTDIR)$(prefix)
opts    := $(wildcard petsc-options/*.opts)

# A user of the default PETSc gets its flags by name; otherwise they are spelled out, for the name would find another PETSc
define pc_text
prefix=$(prefix)
includedir=$${prefix}/include
libdir=$${prefix}/lib

Name: contragrad
Description: Gradients through the solvers of a PETSc code
Version: $(version)
$(if $(PETSC_DIR)$(SLEPC_DIR),,Requires: $(slepc) $(petsc))
Cflags: -I$${includedir} $(if $(PETSC_DIR)$(SLEPC_DIR),$(pc_cflags))
Libs: -L$${libdir} -Wl,-rpath,$${libdir} -lcontragrad $(if $(PETSC_DIR)$(SLEPC_DIR),$(pc_libs))
endef

install: all #: copy headers, library, contragrad.pc and options files to $(DESTDIR)$(prefix)
	install -d $(to)/include/contragrad/private $(to)/lib/pkgconfig $(to)/share/contragrad/petsc-options
	install -m 644 include/contragrad.h $(to)/include
	install -m 644 $(wildcard include/contragrad/private/*.h) $(to)/include/contragrad/private
	install -m 755 $(B)/lib/$(soname) $(to)/lib
	install -m 644 $(B)/lib/libcontragrad.a $(to)/lib
	ln -sf $(soname) $(to)/lib/libcontragrad.so
	$(if $(opts),install -m 644 $(opts) $(to)/share/contragrad/petsc-options)
	$(file >$(B)/lib/contragrad.pc,$(pc_text))
	install -m 644 $(B)/lib/contragrad.pc $(to)/lib/pkgconfig

uninstall: #: remove what install copied
	rm -f $(to)/lib/$(soname) $(to)/lib/libcontragrad.so $(to)/lib/libcontragrad.a $(to)/lib/pkgconfig/contragrad.pc $(to)/include/contragrad.h
	rm -rf $(to)/include/contragrad $(to)/share/contragrad

endif
endif
