ksp.o: src/adapters/ksp.c src/adapters/ksp.h \
 include/contragrad/private/adjimpl.h include/contragrad.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscts.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscsnes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscksp.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscpc.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscmat.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscvec.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscsys.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscconf.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscconf_poison.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscfix.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscmacros.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscversion.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscsystypes.h \
 /usr/lib/x86_64-linux-gnu/openmpi/include/mpi.h \
 /usr/lib/x86_64-linux-gnu/openmpi/include/mpi_portable_platform.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscmath.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscerror.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscviewertypes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscoptions.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsclog.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsctime.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscsftypes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscis.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscsectiontypes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscistypes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdevicetypes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscviewer.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdrawtypes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscmatcoarsen.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdmtypes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscpctypes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscfvtypes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdmdatypes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscconvest.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsctao.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsctaolinesearch.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdmda.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdm.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscfetypes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdstypes.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdmlabel.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscpf.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscao.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscfe.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdt.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepceps.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcst.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcsys.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcconf.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcversion.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcmath.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcsc.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcrgtypes.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcmat.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcvec.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcbv.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcds.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcfn.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcrg.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepclme.h \
 /usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcsvd.h \
 include/contragrad/private/adjcompat.h \
 include/contragrad/private/adjtrajectory.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsc/private/petscimpl.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsc/private/kspimpl.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscds.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscfv.h \
 /usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsc/private/pcimpl.h
src/adapters/ksp.h:
include/contragrad/private/adjimpl.h:
include/contragrad.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscts.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscsnes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscksp.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscpc.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscmat.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscvec.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscsys.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscconf.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscconf_poison.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscfix.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscmacros.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscversion.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscsystypes.h:
/usr/lib/x86_64-linux-gnu/openmpi/include/mpi.h:
/usr/lib/x86_64-linux-gnu/openmpi/include/mpi_portable_platform.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscmath.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscerror.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscviewertypes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscoptions.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsclog.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsctime.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscsftypes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscis.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscsectiontypes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscistypes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdevicetypes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscviewer.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdrawtypes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscmatcoarsen.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdmtypes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscpctypes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscfvtypes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdmdatypes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscconvest.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsctao.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsctaolinesearch.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdmda.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdm.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscfetypes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdstypes.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdmlabel.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscpf.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscao.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscfe.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscdt.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepceps.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcst.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcsys.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcconf.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcversion.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcmath.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcsc.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcrgtypes.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcmat.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcvec.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcbv.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcds.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcfn.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcrg.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepclme.h:
/usr/lib/slepcdir/slepc3.18/x86_64-linux-gnu-complex/include/slepcsvd.h:
include/contragrad/private/adjcompat.h:
include/contragrad/private/adjtrajectory.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsc/private/petscimpl.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsc/private/kspimpl.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscds.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petscfv.h:
/usr/lib/petscdir/petsc3.18/x86_64-linux-gnu-complex/include/petsc/private/pcimpl.h:
