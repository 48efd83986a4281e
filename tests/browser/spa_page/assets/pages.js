// Log in, menu, three pages of records. Asks and answers as the front end does, with as little else as possible.

import service, { session, setToken, clearSession, toast } from "./request.js"
import { KINDS } from "./kinds.js"

const at = id => document.getElementById(id)
const fields = at("fields"), filters = at("filters")
let kind, menus, record, search = {}, page = 1, pageSize = 10

const call = (method, verb, options) => service({ url: `/${at("layout").dataset.kind}/${verb}`, method, ...options })

// --- login, menu, routes -------------------------------------------------------------------------------------------

async function start() {
  if (!session.token) return show("#/login")
  const [menu, info] = await Promise.all([
    service({ url: "/menu/getMenu", method: "post" }),
    service({ url: "/user/getUserInfo", method: "get" })
  ])
  if (info.code === 0) session.user = info.data.userInfo
  setMenu(menu)
  show(location.hash || `#/layout/${session.user.authority.defaultRouter}`)
}

function setMenu(answer) {
  menus = answer.data.menus
  at("menu").replaceChildren(...menus.map(entry => {
    const link = document.createElement("a")
    link.href = `#/layout/${entry.path}`
    link.textContent = entry.meta.title.match(/.*/)[0]
    return link
  }))
  at("who").textContent = session.user.nickName + session.user.headerImg.slice(0, 0)
}

at("login").onsubmit = async event => {
  event.preventDefault()
  const data = { username: event.target.username.value, password: event.target.password.value }
  const answer = await service({ url: "/base/login", method: "post", data })
  if (answer.code !== 0) return
  session.user = answer.data.user
  setToken(answer.data.token)
  setMenu(await service({ url: "/menu/getMenu", method: "post" }))
  const home = menus.find(entry => entry.name === session.user.authority.defaultRouter)
  location.hash = `#/layout/${home.path}`
}

at("checkdb").onclick = async () => {
  const answer = await service({ url: "/init/checkdb", method: "post" })
  if (answer.code === 0 && !answer.data.needInit) toast("info", "已配置数据库信息")
}

at("logout").onclick = async () => {
  const answer = await service({ url: "/jwt/jsonInBlacklist", method: "post" })
  if (answer.code !== 0) return
  clearSession()
  location.hash = "#/login"
  location.reload()
}

function show(hash) {
  const name = hash.replace("#/layout/", "")
  at("login").hidden = name in KINDS
  at("layout").hidden = !(name in KINDS)
  at("drawer").hidden = true
  if (!(name in KINDS)) return
  kind = KINDS[name]
  at("layout").dataset.kind = name
  filters.replaceChildren(...kind.filters.map(key => input(key, "", key)))
  search = {}
  page = 1
  pageSize = Number(at("size").value = 10)
  list()
}

window.onhashchange = () => show(location.hash)

// --- the list --------------------------------------------------------------------------------------------------------

async function list(asked = page) {
  const answer = await call("get", `get${kind.name}List`, { params: { page: asked, pageSize, ...search } })
  if (answer.code !== 0) return
  page = answer.data.page
  pageSize = answer.data.pageSize
  at("total").textContent = answer.data.total
  at("page").textContent = page
  at("rows").replaceChildren(...answer.data.list.map(row))
}

function row(data) {
  const line = document.createElement("tr")
  line.dataset.id = data.ID
  const check = document.createElement("input")
  check.type = "checkbox"
  const made = new Date(data.CreatedAt)
  if (isNaN(made) || typeof data.ID !== "number") throw new TypeError("a row without a time or a number")
  const cells = [check, data.name, made.toISOString(), button("编辑", () => edit(data.ID)), button("删除", () => remove(data.ID))]
  line.append(...cells.map(content => {
    const cell = document.createElement("td")
    cell.append(content)
    return cell
  }))
  return line
}

function button(text, onclick) {
  const made = document.createElement("button")
  made.textContent = text
  made.onclick = onclick
  return made
}

at("search").onsubmit = event => {
  event.preventDefault()
  search = Object.fromEntries(kind.filters.map(key => [key, filters.querySelector(`[name=${key}]`).value]))
  if (search.isOnShelf === "") search.isOnShelf = null
  list(1)
}
at("search").onreset = () => {
  search = {}
  list()
}
at("next").onclick = () => list(page + 1)

// Choosing a page size asks for two pages at once, of which the answer that comes last is shown.
at("size").onchange = event => {
  const before = page
  pageSize = Number(event.target.value)
  list(before)
  list(1)
}

// --- one record ------------------------------------------------------------------------------------------------------

function input(key, value, label = "") {
  const made = document.createElement("input")
  made.name = key
  made.type = { boolean: "checkbox", number: "number", string: "text" }[typeof value]
  if (made.type === "number") made.step = "any"
  if (made.type === "checkbox") made.checked = value
  else made.value = value
  const around = document.createElement("label")
  around.append(label, made)
  return around
}

function typed(key) {
  const made = fields.querySelector(`[name=${key}]`)
  if (made.type === "checkbox") return made.checked
  if (made.type === "number") return made.value === "" ? null : Number(made.value)
  return made.value
}

function open(data) {
  record = data
  fields.replaceChildren(...Object.keys(kind.form).map(key => input(key, data[key], key)))
  at("drawer").hidden = false
}

async function edit(ID) {
  const answer = await call("get", `find${kind.name}`, { params: { ID } })
  if (answer.code === 0) open(answer.data)
}

at("add").onclick = () => open({ ...kind.form })
at("cancel").onclick = () => { at("drawer").hidden = true }

at("drawer").onsubmit = async event => {
  event.preventDefault()
  at("save").disabled = true // and so it stays when the call is rejected, as in the front end
  const data = { ...record, ...Object.fromEntries(Object.keys(kind.form).map(key => [key, typed(key)])) }
  const answer = data.ID
    ? await call("put", `update${kind.name}`, { data })
    : await call("post", `create${kind.name}`, { data })
  at("save").disabled = false
  if (answer.code !== 0) return
  toast("success", "创建/更改成功")
  at("drawer").hidden = true
  list()
}

async function remove(ID) {
  const answer = await call("delete", `delete${kind.name}`, { params: { ID } })
  if (answer.code !== 0) return
  toast("success", "删除成功")
  list()
}

at("delete-many").onclick = async () => {
  const IDs = [...at("rows").querySelectorAll("tr:has(input:checked)")].map(line => Number(line.dataset.id))
  const answer = await call("delete", `delete${kind.name}ByIds`, { params: { IDs } })
  if (answer.code !== 0) return
  toast("success", "删除成功")
  list()
}

// --- Excel ---------------------------------------------------------------------------------------------------------

async function download(verb, params) {
  const answer = await service({ url: `/sysExportTemplate/${verb}`, method: "get", params })
  if (answer.code !== 0) return
  toast("success", "创建导出任务成功，开始下载")
  window.open(`/api${answer.data}`, "_blank")
}

at("template").onclick = () => download("exportTemplate", { templateID: kind.template })
at("export").onclick = () => download("exportExcel", { templateID: kind.template, params: "filterDeleted=true" })

// Outside of axios, with the token alone.
at("import").onchange = event => {
  const sent = new XMLHttpRequest()
  sent.open("POST", `/api/sysExportTemplate/importExcel?templateID=${kind.template}`)
  sent.setRequestHeader("x-token", session.token)
  sent.onload = () => {
    const answer = JSON.parse(sent.responseText)
    toast(answer.code === 0 ? "success" : "error", answer.code === 0 ? `导入成功 ${answer.msg}` : answer.msg)
    if (answer.code === 0) list()
  }
  const body = new FormData()
  body.append("file", event.target.files[0])
  sent.send(body)
  event.target.value = ""
}

// An answer that opened a dialog has been told already.
start().catch(error => { if (!error.response) throw error })
