/*
   Viewers that an option asks for, and pages of drawings.
*/
#include <contragrad/private/adjimpl.h>
#include <petsc/private/drawimpl.h> /* savesinglefile has no function */

#define ADJ_PAGE_WIDTH  640 /* pixels of a picture in a file */
#define ADJ_PAGE_HEIGHT 640

/*
   PETSc's way with draw:image:name.ppm is to empty and delete a folder `name`, and to put the picture into name/name_0.ppm.
   A viewer that serves this once (no one else holds it) puts it into name.ppm. Some releases of PETSc leave the dot at the end
   of the name, for name..ppm
*/
static PetscErrorCode ADJPrepareDrawing_Private(PetscViewer viewer)
{
  PetscBool isdraw;
  PetscInt  holders;
  PetscDraw draw;
  size_t    length;

  PetscFunctionBegin;
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERDRAW, &isdraw));
  PetscCall(PetscObjectGetReference((PetscObject)viewer, &holders));
  if (!isdraw || holders > 1) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscViewerDrawResize(viewer, ADJ_PAGE_WIDTH, ADJ_PAGE_HEIGHT));
  PetscCall(PetscViewerDrawGetDraw(viewer, 0, &draw));
  if (!draw->savefilename || draw->savemovieext) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscStrlen(draw->savefilename, &length));
  if (length && draw->savefilename[length - 1] == '.') draw->savefilename[length - 1] = '\0';
  draw->savesinglefile = PETSC_TRUE;
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Collective. Calls `view` if the option was given, with the viewer it describes */
PetscErrorCode ADJViewByOption_Private(ADJ adj, const char option[], PetscErrorCode (*view)(ADJ, PetscViewer))
{
  PetscViewer       viewer;
  PetscViewerFormat format;
  PetscBool         flg;

  PetscFunctionBegin;
  PetscCall(ADJOptionsCreateViewer(PetscObjectComm((PetscObject)adj), ((PetscObject)adj)->options, ((PetscObject)adj)->prefix, option, &viewer, &format, &flg));
  if (!flg) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJPrepareDrawing_Private(viewer));
  PetscCall(PetscViewerPushFormat(viewer, format));
  PetscCall((*view)(adj, viewer));
  PetscCall(PetscViewerPopFormat(viewer));
  PetscCall(ADJOptionsDestroyViewer(&viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Collective. A new page, filled by `page` on all processes alike, shown, and saved where that was asked for */
PetscErrorCode ADJDrawPage_Private(ADJ adj, PetscViewer viewer, const char title[], PetscErrorCode (*page)(ADJ, PetscDraw))
{
  PetscDraw draw;
  PetscBool isnull;

  PetscFunctionBegin;
  PetscCall(PetscViewerDrawGetDraw(viewer, 0, &draw));
  PetscCall(PetscDrawIsNull(draw, &isnull));
  if (isnull) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(PetscDrawCheckResizedWindow(draw));
  PetscCall(PetscDrawClear(draw));
  PetscCall(PetscDrawSetTitle(draw, title));
  PetscCall(PetscDrawSetViewPort(draw, 0.0, 0.0, 1.0, 1.0));
  PetscDrawCollectiveBegin(draw);
  PetscCall((*page)(adj, draw));
  PetscDrawCollectiveEnd(draw);
  PetscCall(PetscDrawFlush(draw));
  PetscCall(PetscDrawPause(draw));
  PetscCall(PetscDrawSave(draw));
  PetscFunctionReturn(PETSC_SUCCESS);
}
