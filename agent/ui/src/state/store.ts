// The one door to the viewer's state.
export { instance, instanceProblem, intervalMs, nowMs, recordedFromMs, records, tabHidden } from "./clock.ts";
export {
  askStudyList, findingCount, studied, studyList,
} from "./findings.ts";
export type { Studied } from "./findings.ts";
export { chooserOpen, drawer, helpOpen, searchWanted, toggleDrawer, uncoverCharts, wantSearch } from "./layout.ts";
export {
  askContainers, containerList, containerName, containerProblem, containersKnown, containerTotal, findContainer,
  isOfNode, metricByName, metricList, metricProblem, nameOf, resolvedContainers, subjectName,
} from "./names.ts";
export { dismiss, notices, say } from "./notices.ts";
export { setTheme, theme, themeChoice } from "./theme.ts";
export {
  addPanel, addStudy, canZoom, chosenStudies, containers, cursorTime, follows, movePanel, moveRange, moving, panels,
  quickRange, removePanel, removeStudy, replacePanel, replaceStudy, resetRange, setContainers, setPanels, setQuickRange, setRange,
  settleRange, showView, studies, studyOf, studyText, toggleContainer, touchesNow, view, visibleRange, zoomBack, zoomForward, zoomTo,
} from "./view.ts";
export type { ChosenStudy } from "./view.ts";
