/*
   The leading eigenvalues of dF/dx against the unit circle, as text and as a picture.
*/
#include <contragrad/private/adjimpl.h>
#include <petscdraw.h>

#define ADJ_PLOT_COLUMNS 41 /* characters of the picture in text, which are twice as high as wide */
#define ADJ_PLOT_ROWS    21
#define ADJ_CIRCLE_LINES 120

/* Where an eigenvalue lies: its residual is taken for its error, which for matrices far from normal it is not */
typedef enum { ADJ_INSIDE,
               ADJ_OUTSIDE,
               ADJ_ON_CIRCLE } ADJPlace;
static const char *const ADJPlaces[] = {"inside", "outside", "on_circle"};

static PetscReal ADJModulus_Private(const ADJContraction *c, PetscInt i)
{
  return PetscSqrtReal(PetscSqr(c->re[i]) + PetscSqr(c->im[i]));
}

static ADJPlace ADJPlace_Private(const ADJContraction *c, PetscInt i)
{
  const PetscReal modulus = ADJModulus_Private(c, i);

  if (!(PetscAbsReal(modulus - 1.0) > c->res[i])) return ADJ_ON_CIRCLE;
  return modulus < 1.0 ? ADJ_INSIDE : ADJ_OUTSIDE;
}

static PetscBool ADJFinite_Private(const ADJContraction *c, PetscInt i)
{
  return (PetscBool)(!PetscIsInfOrNanReal(c->re[i]) && !PetscIsInfOrNanReal(c->im[i]));
}

/* Half the side of a square about 0 that holds the unit circle and all eigenvalues */
static PetscReal ADJExtent_Private(const ADJContraction *c)
{
  PetscReal extent = 1.0;

  for (PetscInt i = 0; i < c->nvalues; i++) {
    if (ADJFinite_Private(c, i)) extent = PetscMax(extent, PetscMax(PetscAbsReal(c->re[i]), PetscAbsReal(c->im[i])));
  }
  return extent;
}

static PetscBool ADJSpectrumOfState_Private(ADJ adj)
{
  return (PetscBool)(adj->contraction.id && adj->contraction.id == adj->state->id);
}

/* The cell of a point of the complex plane */
static char *ADJCell_Private(char text[][ADJ_PLOT_COLUMNS + 1], PetscReal extent, PetscReal re, PetscReal im)
{
  return &text[(PetscInt)(0.5 * (ADJ_PLOT_ROWS - 1) * (1.0 - im / extent) + 0.5)][(PetscInt)(0.5 * (ADJ_PLOT_COLUMNS - 1) * (1.0 + re / extent) + 0.5)];
}

static PetscErrorCode ADJSpectrumPlot_Private(ADJ adj, PetscViewer viewer)
{
  const ADJContraction *c      = &adj->contraction;
  const PetscReal       extent = ADJExtent_Private(c);
  const char            mark[] = {'x', 'O', '?'};
  char                  text[ADJ_PLOT_ROWS][ADJ_PLOT_COLUMNS + 1];

  PetscFunctionBegin;
  for (PetscInt i = 0; i < ADJ_PLOT_ROWS; i++) {
    for (PetscInt j = 0; j < ADJ_PLOT_COLUMNS; j++) text[i][j] = ' ';
    text[i][ADJ_PLOT_COLUMNS] = 0;
  }
  for (PetscInt i = 0; i < ADJ_CIRCLE_LINES; i++) *ADJCell_Private(text, extent, PetscCosReal(2.0 * PETSC_PI * i / ADJ_CIRCLE_LINES), PetscSinReal(2.0 * PETSC_PI * i / ADJ_CIRCLE_LINES)) = '.';
  *ADJCell_Private(text, extent, 0.0, 0.0) = '+';
  for (PetscInt i = c->nvalues - 1; i >= 0; i--) {
    if (ADJFinite_Private(c, i)) *ADJCell_Private(text, extent, c->re[i], c->im[i]) = mark[ADJPlace_Private(c, i)];
  }
  for (PetscInt i = 0; i < ADJ_PLOT_ROWS; i++) {
    for (PetscInt j = ADJ_PLOT_COLUMNS - 1; j >= 0 && text[i][j] == ' '; j--) text[i][j] = 0;
    PetscCall(PetscViewerASCIIPrintf(viewer, "%s%s\n", text[i][0] ? "  " : "", text[i]));
  }
  PetscCall(PetscViewerASCIIPrintf(viewer, "  . unit circle, + zero, x inside, O outside, ? on the circle to within the residual\n"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSpectrumTable_Private(ADJ adj, PetscViewer viewer)
{
  const ADJContraction *c       = &adj->contraction;
  const char           *words[] = {"inside", "outside", "on the circle to within the residual"};

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "Leading eigenvalues of dF/dx, measured at %s: spectral radius %.6g +- %.1e%s\n", ADJSpectrumOfState_Private(adj) ? "this solution" : "an earlier solution", (double)c->rho, (double)c->error, c->converged ? "" : ", not converged"));
  PetscCall(PetscViewerASCIIPrintf(viewer, "  %13s %13s %13s %13s %9s\n", "real", "imaginary", "modulus", "1 - modulus", "residual"));
  for (PetscInt i = 0; i < c->nvalues; i++) {
    const PetscReal modulus = ADJModulus_Private(c, i);

    PetscCall(PetscViewerASCIIPrintf(viewer, "  %13.6g %13.6g %13.6g %13.6g %9.1e  %s\n", (double)c->re[i], (double)c->im[i], (double)modulus, (double)(1.0 - modulus), (double)c->res[i], words[ADJPlace_Private(c, i)]));
  }
  PetscCall(ADJSpectrumPlot_Private(adj, viewer));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSpectrumLines_Private(ADJ adj, PetscViewer viewer)
{
  const ADJContraction *c = &adj->contraction;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "adj_spectrum values=%" PetscInt_FMT, c->nvalues));
  if (c->id) PetscCall(PetscViewerASCIIPrintf(viewer, " radius=%.9g error=%.9g converged=%d here=%d", (double)c->rho, (double)c->error, c->converged ? 1 : 0, ADJSpectrumOfState_Private(adj) ? 1 : 0));
  PetscCall(PetscViewerASCIIPrintf(viewer, "\n"));
  for (PetscInt i = 0; i < c->nvalues; i++) PetscCall(PetscViewerASCIIPrintf(viewer, "adj_eigenvalue index=%" PetscInt_FMT " re=%.9g im=%.9g modulus=%.9g residual=%.9g where=%s\n", i, (double)c->re[i], (double)c->im[i], (double)ADJModulus_Private(c, i), (double)c->res[i], ADJPlaces[ADJPlace_Private(c, i)]));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSpectrumNumbers_Private(ADJ adj, PetscViewer viewer, PetscBool matlab)
{
  const ADJContraction *c = &adj->contraction;

  PetscFunctionBegin;
  PetscCall(PetscViewerASCIIPrintf(viewer, "%s\n", matlab ? "adj_spectrum = [ % re,im,modulus,residual" : "re,im,modulus,residual"));
  for (PetscInt i = 0; i < c->nvalues; i++) PetscCall(PetscViewerASCIIPrintf(viewer, "%.16g,%.16g,%.16g,%.16g\n", (double)c->re[i], (double)c->im[i], (double)ADJModulus_Private(c, i), (double)c->res[i]));
  if (matlab) PetscCall(PetscViewerASCIIPrintf(viewer, "];\n"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSpectrumView_ASCII(ADJ adj, PetscViewer viewer)
{
  PetscViewerFormat format;

  PetscFunctionBegin;
  PetscCall(PetscViewerGetFormat(viewer, &format));
  if (format == PETSC_VIEWER_ASCII_INFO)
    PetscCall(ADJSpectrumLines_Private(adj, viewer));
  else if (format == PETSC_VIEWER_ASCII_CSV || format == PETSC_VIEWER_ASCII_MATLAB)
    PetscCall(ADJSpectrumNumbers_Private(adj, viewer, (PetscBool)(format == PETSC_VIEWER_ASCII_MATLAB)));
  else if (adj->contraction.nvalues)
    PetscCall(ADJSpectrumTable_Private(adj, viewer));
  else
    PetscCall(PetscViewerASCIIPrintf(viewer, "No eigenvalues of dF/dx: the contraction was not measured%s\n", adj->form == ADJ_RESIDUAL ? " (only a fixed-point form has it)" : ""));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Axes and unit circle; a length of 1 is the same in both directions */
static PetscErrorCode ADJSpectrumFrame_Private(PetscDraw draw, PetscReal xmax, PetscReal ymax)
{
  PetscReal width, height;

  PetscFunctionBegin;
  PetscCall(PetscDrawStringGetSize(draw, &width, &height));
  PetscCall(PetscDrawLine(draw, -xmax, 0.0, xmax, 0.0, PETSC_DRAW_GRAY));
  PetscCall(PetscDrawLine(draw, 0.0, -ymax, 0.0, ymax, PETSC_DRAW_GRAY));
  for (PetscInt i = 0; i < ADJ_CIRCLE_LINES; i++) {
    const PetscReal a = 2.0 * PETSC_PI * i / ADJ_CIRCLE_LINES, b = 2.0 * PETSC_PI * (i + 1) / ADJ_CIRCLE_LINES;

    PetscCall(PetscDrawLine(draw, PetscCosReal(a), PetscSinReal(a), PetscCosReal(b), PetscSinReal(b), PETSC_DRAW_BLUE));
  }
  PetscCall(PetscDrawString(draw, 1.0 + 0.5 * width, 0.3 * height, PETSC_DRAW_BLACK, "1"));
  PetscCall(PetscDrawString(draw, -1.0 - 2.5 * width, 0.3 * height, PETSC_DRAW_BLACK, "-1"));
  PetscCall(PetscDrawString(draw, 0.5 * width, 1.0 + 0.3 * height, PETSC_DRAW_BLACK, "i"));
  PetscCall(PetscDrawString(draw, 0.5 * width, -1.0 - 1.3 * height, PETSC_DRAW_BLACK, "-i"));
  PetscFunctionReturn(PETSC_SUCCESS);
}

static PetscErrorCode ADJSpectrumPage_Private(ADJ adj, PetscDraw draw)
{
  const ADJContraction *c       = &adj->contraction;
  const int             color[] = {PETSC_DRAW_FORESTGREEN, PETSC_DRAW_RED, PETSC_DRAW_ORANGE};
  const PetscReal       extent  = 1.2 * ADJExtent_Private(c);
  PetscReal             xmax = extent, ymax = extent, width, height;
  char                  text[128] = "dF/dx: not measured";
  int                   w, h;
  PetscMPIInt           rank;

  PetscFunctionBegin;
  PetscCall(PetscDrawGetWindowSize(draw, &w, &h));
  if (w > 0 && h > 0) {
    xmax = extent * PetscMax(1.0, (PetscReal)w / (PetscReal)h);
    ymax = extent * PetscMax(1.0, (PetscReal)h / (PetscReal)w);
  }
  PetscCall(PetscDrawSetCoordinates(draw, -xmax, -ymax, xmax, ymax));
  PetscCallMPI(MPI_Comm_rank(PetscObjectComm((PetscObject)draw), &rank));
  if (rank) PetscFunctionReturn(PETSC_SUCCESS);
  PetscCall(ADJSpectrumFrame_Private(draw, xmax, ymax));
  for (PetscInt i = c->nvalues - 1; i >= 0; i--) {
    if (ADJFinite_Private(c, i)) PetscCall(PetscDrawEllipse(draw, c->re[i], c->im[i], 0.03 * extent, 0.03 * extent, color[ADJPlace_Private(c, i)]));
  }
  if (c->nvalues) PetscCall(PetscSNPrintf(text, sizeof(text), "eigenvalues of dF/dx, radius %.6g +- %.1e", (double)c->rho, (double)c->error));
  PetscCall(PetscDrawStringGetSize(draw, &width, &height));
  PetscCall(PetscDrawStringCentered(draw, 0.0, ymax - 2.0 * height, PETSC_DRAW_BLACK, text));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/*@C
   ADJTrustViewSpectrum - Shows the leading eigenvalues of dF/dx against the unit circle, as far as the contraction check saw them

   Collective

   Input Parameters:
+  adj    - the context
-  viewer - where to; `NULL` for the standard output

   Options Database Key:
.  -adj_trust_view_spectrum [viewer] - called with each verdict that measured the contraction, see `PetscOptionsCreateViewer()`

   Level: intermediate

   Notes:
   The check looks for the eigenvalue of largest magnitude. The others are those of the subspace it worked in: the column
   of residuals says how good they are. An eigenvalue outside of the unit circle is a direction in which the iteration does not contract.

   What viewers get:
+  `PETSCVIEWERASCII` - a table and a picture in characters
.  with the format `PETSC_VIEWER_ASCII_INFO` - a line adj_spectrum and a line adj_eigenvalue for each, both with pairs key=value
.  with `PETSC_VIEWER_ASCII_CSV` or `PETSC_VIEWER_ASCII_MATLAB` - real part, imaginary part, modulus, residual
-  `PETSCVIEWERDRAW` - a picture: green inside, red outside, orange where the residual leaves that open
   Others get nothing. If nothing was measured, as in residual form, that is said.

   `-adj_trust_view_spectrum draw:image:spectrum.ppm` writes a picture into that file, without a display. PETSc takes the first dot of
   that name for the beginning of its extension; other extensions than .ppm need a PETSc that was configured for them.

   Nothing is computed here. An option shows each measurement once; a contraction that was carried over from an earlier state is
   not shown again.

.seealso: `ADJTrustView()`, `ADJGetContraction()`, `ADJGetEPS()`
@*/
PetscErrorCode ADJTrustViewSpectrum(ADJ adj, PetscViewer viewer)
{
  PetscBool ascii, draw;

  PetscFunctionBegin;
  PetscValidHeaderSpecific(adj, ADJ_CLASSID, 1);
  if (!viewer) PetscCall(PetscViewerASCIIGetStdout(PetscObjectComm((PetscObject)adj), &viewer));
  PetscValidHeaderSpecific(viewer, PETSC_VIEWER_CLASSID, 2);
  PetscCheckSameComm(adj, 1, viewer, 2);
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERASCII, &ascii));
  PetscCall(PetscObjectTypeCompare((PetscObject)viewer, PETSCVIEWERDRAW, &draw));
  if (ascii) PetscCall(ADJSpectrumView_ASCII(adj, viewer));
  if (draw) PetscCall(ADJDrawPage_Private(adj, viewer, "Spectrum", ADJSpectrumPage_Private));
  PetscFunctionReturn(PETSC_SUCCESS);
}

/* Once for each measurement; that there is none is said with the first verdict alone. No viewer is made for nothing: that would empty its file */
PetscErrorCode ADJViewSpectrumFromOptions_Private(ADJ adj)
{
  ADJContraction *c     = &adj->contraction;
  const PetscBool fresh = (PetscBool)(c->measured && ADJSpectrumOfState_Private(adj) && c->viewed != c->id);

  PetscFunctionBegin;
  if (!fresh && (c->id || c->viewed)) PetscFunctionReturn(PETSC_SUCCESS);
  c->viewed = adj->state->id;
  PetscCall(ADJViewByOption_Private(adj, "-adj_trust_view_spectrum", ADJTrustViewSpectrum));
  PetscFunctionReturn(PETSC_SUCCESS);
}
